import { Readable } from 'node:stream';
import { isId } from '../../lib/ids.js';
import { SluiceError } from '../../lib/errors.js';
import { decideOnGateway } from '../authorise.js';
import { type ApiRoute, type Call, ok, route } from '../api-route.js';
import { nothing } from '../schemas/common.js';
import { endBody, endDocument, watchFilter } from '../schemas/oversight.js';
import { sessionParams } from '../schemas/sessions.js';
import type { GatewayServices } from '../services.js';
import { growingJournal, liveEvents } from '../watch.js';

const endWaitMs = 5_000;
const maxWatchers = 100;

/** Looking at sessions while they run, and ending them. */
export function oversightRoutes(services: GatewayServices): readonly ApiRoute[] {
  return [watchRoute(services), followRoute(services), endRoute(services)];
}

function watchRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/watch',
    access: 'own or readSession',
    summary: 'Events of live sessions as they happen, one JSON object a line, until the client leaves',
    params: nothing,
    query: watchFilter,
    body: nothing,
    response: null,
    async handle(call, { query }) {
      const { audit, oversight, sessions } = services;
      const one = query.session === undefined ? null : sessions.get(query.session);
      const mayWatch = one !== null && (call.scope === 'all' || one.principal.id === call.principal.id);
      if (query.session !== undefined && !mayWatch) throw await notLive(services, call, query.session);
      if (oversight.feed.size >= maxWatchers) {
        throw new SluiceError('unavailable', 'too many are watching sessions now', { retryable: true });
      }
      audit.record(call.principal, 'session.watch', query.session ?? 'sessions', { scope: call.scope });
      const stream = Readable.from(liveEvents(services, call, query));
      return { kind: 'stream', type: 'application/x-ndjson; charset=utf-8', fileName: 'sessions.jsonl', stream };
    },
  });
}

function followRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/:id/follow',
    access: 'own or readSession',
    summary: 'The journal of a live session, as far as it is and on as it grows, until the session ends',
    params: sessionParams,
    query: nothing,
    body: nothing,
    response: null,
    async handle(call, { params: { id } }) {
      const { audit, oversight, sessions, recorder } = services;
      const live = isId('ses', id) ? sessions.get(id) : null;
      const mayRead = live !== null && (call.scope === 'all' || live.principal.id === call.principal.id);
      if (!mayRead || (await recorder.journal(id)) === null) throw await notLive(services, call, id);
      if (oversight.feed.size >= maxWatchers) {
        throw new SluiceError('unavailable', 'too many are watching sessions now', { retryable: true });
      }
      audit.record(call.principal, 'session.watch', id, { scope: call.scope });
      const stream = Readable.from(growingJournal(services, call, id));
      return { kind: 'stream', type: 'application/octet-stream', fileName: `${id}.journal`, stream };
    },
  });
}

function endRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'POST',
    path: '/v1/sessions/:id/end',
    access: 'own or endSession',
    summary: 'Ends a live session: the client is told why, the target’s connection is closed',
    params: sessionParams,
    query: nothing,
    body: endBody,
    response: endDocument,
    async handle(call, { params: { id }, body: { reason } }) {
      const { audit, oversight, sessions } = services;
      const live = isId('ses', id) ? sessions.get(id) : null;
      const mayEnd = live !== null && (call.scope === 'all' || live.principal.id === call.principal.id);
      if (live === null || !mayEnd) throw await notLive(services, call, id);
      audit.record(call.principal, 'session.end', id, { reason });
      const ended = oversight.untilEnded(id, endWaitMs);
      live.end('ended by gateway', `ended by ${call.principal.name}: ${reason}`);
      return ok('sluice.session_end/v1', { session_id: id, ended: await ended });
    },
  });
}

/** A session that is over says so to whoever may read it; to others it does not exist. */
async function notLive({ configuration, recorder }: GatewayServices, call: Call, id: string): Promise<SluiceError> {
  const own = (await recorder.ownerOf(id)) === call.principal.id;
  const mayRead =
    own || decideOnGateway(configuration.current().policies, call.principal, 'readSession').verdict === 'allow';
  const known = mayRead && isId('ses', id) ? await recorder.get(id, { limit: 1 }) : null;
  if (known === null) {
    return new SluiceError('not_found', `no live session ${id}`, {
      next: [{ command: 'sluice sessions list --state live', when: 'to see the live sessions' }],
    });
  }
  if (known.session.state === 'live') {
    return call.scope === 'own' && !own
      ? new SluiceError('denied', 'no policy permits you this on sessions of others', { decider: 'gateway' })
      : new SluiceError('conflict', `${id} is being set up or ended at this moment; try again`, { retryable: true });
  }
  return new SluiceError('conflict', `${id} is over: ${known.session.end_reason ?? known.session.state}`);
}
