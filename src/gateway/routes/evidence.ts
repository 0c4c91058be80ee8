import { Readable } from 'node:stream';
import { SluiceError } from '../../lib/errors.js';
import { type ApiRoute, ok, route } from '../api-route.js';
import { nothing } from '../schemas/common.js';
import { sessionHold, sessionHoldDocument, sessionKeyDocument, sessionParams } from '../schemas/sessions.js';
import type { GatewayServices } from '../services.js';
import { noSession, readable } from './sessions.js';

/** What makes a recording evidence: keeping it, taking it elsewhere with its proofs, opening it where it is encrypted. */
export function evidenceRoutes(services: GatewayServices): readonly ApiRoute[] {
  return [keyRoute(services), bundleRoute(services), holdRoute(services, 'hold'), holdRoute(services, 'release')];
}

const start = { limit: 1, after_op: 0 };

function keyRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/:id/key',
    access: 'own or readSession',
    summary: 'The key of one encrypted session, where this gateway holds an identity',
    params: sessionParams,
    query: nothing,
    body: nothing,
    response: sessionKeyDocument,
    async handle(call, { params }) {
      await readable(services, call, params.id, start);
      services.audit.record(call.principal, 'session.key', params.id, {});
      const key = await services.recorder.sessionKey(params.id);
      return ok('sluice.session_key/v1', {
        session_id: params.id,
        key: key === null ? null : Buffer.from(key).toString('base64'),
      });
    },
  });
}

/** Its excerpts of the ledger may show other sessions that began or ended in the same moment, so one's own is not enough. */
function bundleRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/:id/bundle',
    access: 'readSession',
    summary: 'One closed session with its proofs, as a tar archive',
    params: sessionParams,
    query: nothing,
    body: nothing,
    response: null,
    async handle(call, { params }) {
      await readable(services, call, params.id, start);
      const bundle = await services.recorder.bundle(params.id);
      if (bundle === null) throw noSession(params.id);
      services.audit.record(call.principal, 'session.bundle', params.id, {});
      const stream = Readable.from(bundle, { objectMode: false });
      return { kind: 'stream', type: 'application/x-tar', fileName: `${params.id}.sluice`, stream };
    },
  });
}

function holdRoute({ audit, recorder }: GatewayServices, act: 'hold' | 'release'): ApiRoute {
  const held = act === 'hold';
  return route({
    method: 'POST',
    path: `/v1/sessions/:id/${act}`,
    access: 'holdSession',
    summary: held ? 'Keep a session whatever retention says' : 'End a legal hold',
    params: sessionParams,
    query: nothing,
    body: sessionHold,
    response: sessionHoldDocument,
    async handle({ principal }, { params, body }) {
      if (body.reason.trim() === '') throw new SluiceError('usage', 'a legal hold needs a reason');
      await audit.attemptLater(principal, `session.${act}`, params.id, { reason: body.reason }, () =>
        recorder.setHold(params.id, held, principal.name, body.reason),
      );
      return ok('sluice.session_hold/v1', { session_id: params.id, held });
    },
  });
}
