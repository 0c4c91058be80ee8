import type { CommandResult } from '../../protocols/ssh/text-client.js';
import { isReachedBySsh } from '../../lib/ssh-kinds.js';
import type { ExecDocument } from '../schemas/exec.js';
import { BoundedQuery, mayHoldSeveral } from './bounded-query.js';
import { documentOf } from './document.js';
import { pendingError } from '../../sessions/pending-error.js';
import type { ExecObserver } from './observer.js';
import type { ExecOrder, ExecServices } from './order.js';
import { PortalQuery } from './portal-query.js';
import type { BoundedResult } from './result.js';
import { ExecSession } from './session.js';

/**
 * Runs one text as a session of its own through the engine; its answer is whole and bounded. `onSession` is given what is
 * heard of the session, also of one that fails.
 */
export async function runExec(
  services: ExecServices,
  order: ExecOrder,
  onSession: (heard: ExecObserver) => void = () => undefined,
): Promise<ExecDocument> {
  const session = new ExecSession(services, order);
  onSession(session.heard);
  const release = session.limit(order.timeoutMs, order.signal);
  const started = services.clock();
  let kept = false;
  try {
    const { result, command, cursor } = await answer(services, session, order);
    // The engine can end a session by closing it; whatever it refused has not happened, result or not.
    const { refusal, request } = session.heard;
    if (refusal !== null) throw refusal;
    if (command !== null && request !== null && !order.wait) throw pendingError(request, order.target.name);
    kept = cursor !== null;
    return documentOf({ order, heard: session.heard, result, command, cursor, durationMs: services.clock() - started });
  } catch (error) {
    throw session.failure(error);
  } finally {
    release();
    if (!kept) await session.close();
  }
}

interface Answered {
  readonly result: BoundedResult;
  readonly command: CommandResult | null;
  readonly cursor: string | null;
}

async function answer(services: ExecServices, session: ExecSession, order: ExecOrder): Promise<Answered> {
  const { bounds } = order;
  if (isReachedBySsh(order.target.kind)) {
    const command = await session.command();
    return { result: { columns: [], rows: [], rowCount: 0, truncated: command.truncated }, command, cursor: null };
  }
  if (order.parameters.length === 0 && mayHoldSeveral(order.text)) {
    return { result: await runSeveral(session, order), command: null, cursor: null };
  }
  const query = new PortalQuery(order.text, order.parameters, bounds);
  await session.submit(query, (error) => query.abandon(error));
  const { rows, more } = await query.page(bounds);
  const { columns } = query;
  // Only what changes nothing may stay open: a write is not committed before its portal ends.
  const keep = more && order.keepOpen && session.heard.reading && session.heard.refusal === null;
  const cursor = keep ? services.cursors.hold({ session, query, order }) : null;
  if (more && cursor === null) await query.finish();
  if (more) session.heard.give(rows.length);
  const rowCount = columns.length > 0 ? rows.length : query.affected;
  return { result: { columns, rows, rowCount, truncated: more }, command: null, cursor };
}

/** Several statements at once: the last result. */
export async function runSeveral(session: ExecSession, { text, bounds }: ExecOrder): Promise<BoundedResult> {
  return new Promise<BoundedResult>((resolve, reject) => {
    const query = new BoundedQuery(text, bounds, (error, bounded) => {
      if (error !== null) return reject(error);
      if (bounded.rows.length < query.read) session.heard.give(bounded.rows.length);
      resolve(bounded);
    });
    session.submit(query, reject).catch(reject);
  });
}
