import { Readable } from 'node:stream';
import { isId } from '../../lib/ids.js';
import { SluiceError } from '../../lib/errors.js';
import { chunksOf } from '../../recording/scan.js';
import type { RecordingsVerdict, SessionDetail } from '../../recording/types.js';
import { type ApiRoute, type Call, ok, route, whole } from '../api-route.js';
import { nothing } from '../schemas/common.js';
import {
  sessionDocument,
  sessionFilter,
  sessionListDocument,
  sessionPage,
  sessionParams,
  sessionSearch,
  sessionSearchDocument,
  verifyDocument,
} from '../schemas/sessions.js';
import type { GatewayServices } from '../services.js';

/** One's own recordings are open to oneself; others' to whom policy lets `readSession`. Every reading is audited. */
const access = 'own or readSession';

export function sessionRoutes(services: GatewayServices): readonly ApiRoute[] {
  return [
    listRoute(services),
    searchRoute(services),
    verifyAllRoute(services),
    readRoute(services),
    journalRoute(services),
    verifyRoute(services),
  ];
}

function listRoute({ audit, recorder }: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions',
    access,
    summary: 'Recorded sessions, newest first',
    params: nothing,
    query: sessionFilter,
    body: nothing,
    response: sessionListDocument,
    async handle(call, { query }) {
      const { on_behalf_of: onBehalfOf, ...filter } = query;
      audit.record(call.principal, 'session.list', 'sessions', { scope: call.scope });
      const page = await recorder.list({ ...filter, onBehalfOf, ...ownOnly(call) });
      return ok('sluice.sessions/v1', {
        sessions: page.sessions.map((session) => ({ ...session })),
        next_cursor: page.next_cursor,
      });
    },
  });
}

function searchRoute({ audit, recorder }: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/search',
    access,
    summary: 'Sessions in which a text was run',
    params: nothing,
    query: sessionSearch,
    body: nothing,
    response: sessionSearchDocument,
    async handle(call, { query }) {
      const { q, on_behalf_of: onBehalfOf, ...filter } = query;
      audit.record(call.principal, 'session.search', q, { scope: call.scope });
      const page = await recorder.search(q, { ...filter, onBehalfOf, ...ownOnly(call) });
      return ok('sluice.session_search/v1', {
        sessions: page.sessions.map((session) => ({
          ...session,
          matches: session.matches.map((match) => ({ ...match })),
        })),
        next_cursor: page.next_cursor,
        match_count: page.match_count,
        match_count_capped: page.match_count_capped,
      });
    },
  });
}

function readRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/:id',
    access,
    summary: 'One session with its operations',
    params: sessionParams,
    query: sessionPage,
    body: nothing,
    response: sessionDocument,
    async handle(call, { params, query }) {
      const detail = await readable(services, call, params.id, query);
      services.audit.record(call.principal, 'session.read', params.id, {});
      return ok('sluice.session/v1', {
        session: { ...detail.session },
        operations: detail.operations.map((operation) => ({
          ...operation,
          parameters: [...operation.parameters],
          effects: [...operation.effects],
          policies: [...operation.policies],
        })),
        next_op: detail.next_op,
      });
    },
  });
}

function journalRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/:id/journal',
    access,
    summary: 'The journal file as it is',
    params: sessionParams,
    query: nothing,
    body: nothing,
    response: null,
    async handle(call, { params }) {
      await readable(services, call, params.id, { limit: 1, after_op: 0 });
      const journal = await services.recorder.journal(params.id);
      if (journal === null || journal.bytes === 0) throw noSession(params.id);
      services.audit.record(call.principal, 'session.export', params.id, {});
      // A live session's file grows while it is read: what is given is whole records, as many as there were.
      const stream = Readable.from(chunksOf(journal.path, 0, journal.bytes), { objectMode: false });
      return { kind: 'stream', type: 'application/octet-stream', fileName: `${params.id}.journal`, stream };
    },
  });
}

function verifyRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/:id/verify',
    access,
    summary: 'Whether a session’s journal is whole and unchanged',
    params: sessionParams,
    query: nothing,
    body: nothing,
    response: verifyDocument,
    async handle(call, { params }) {
      await readable(services, call, params.id, { limit: 1, after_op: 0 });
      services.audit.record(call.principal, 'session.verify', params.id, {});
      const verdict = await services.recorder.verify(params.id);
      if (verdict === null) throw noSession(params.id);
      return whole(viewVerdict(verdict));
    },
  });
}

function verifyAllRoute({ audit, recorder }: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/verify',
    access: 'readSession',
    summary: 'Whether all journals and the ledger are whole and unchanged',
    params: nothing,
    query: nothing,
    body: nothing,
    response: verifyDocument,
    async handle(call) {
      audit.record(call.principal, 'session.verify', 'sessions', {});
      return whole(viewVerdict(await recorder.verifyAll()));
    },
  });
}

/** Another's session does not exist for who may not read it. */
export async function readable(
  { recorder }: GatewayServices,
  call: Call,
  id: string,
  page: { readonly limit: number; readonly after_op: number },
): Promise<SessionDetail> {
  const detail = isId('ses', id) ? await recorder.get(id, { limit: page.limit, afterOp: page.after_op }) : null;
  const mayRead = call.scope === 'all' || (await recorder.ownerOf(id)) === call.principal.id;
  if (detail === null || !mayRead) throw noSession(id);
  return detail;
}

/**
 * Whose a recording is, the identity says that its journal begins with. A name does not: names come from a claim that a
 * provider may let people choose, and two issuers may give the same one.
 */
function ownOnly(call: Call): { readonly owner?: string } {
  return call.scope === 'own' ? { owner: call.principal.id } : {};
}

export function noSession(id: string): SluiceError {
  return new SluiceError('not_found', `no session ${id}`, {
    next: [{ command: 'sluice sessions list', when: 'to see the sessions' }],
  });
}

function viewLedger({ valid, entries, problem, notice }: RecordingsVerdict['ledger']) {
  return { valid, entries, problem, notice };
}

function viewVerdict(verdict: RecordingsVerdict) {
  return {
    schema: 'sluice.verify/v1' as const,
    ok: true as const,
    valid: verdict.valid,
    sessions: verdict.sessions.map(({ id, valid, records, problem }) => ({
      id,
      valid,
      records,
      problem: problem === null ? null : { record: problem.record, byte: problem.byte, message: problem.message },
    })),
    ledger: viewLedger(verdict.ledger),
  };
}
