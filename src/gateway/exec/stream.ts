import { SluiceError } from '../../lib/errors.js';
import { errorDocumentOf } from '../http-errors.js';
import type { ExecStreamLine } from '../schemas/exec.js';
import { mayHoldSeveral } from './bounded-query.js';
import { documentOf, maskedAmong } from './document.js';
import type { ExecOrder, ExecServices } from './order.js';
import { PortalQuery } from './portal-query.js';
import type { BoundedResult } from './result.js';
import { runSeveral } from './run.js';
import { ExecSession } from './session.js';

/** Rows of one line: large enough for few lines, small enough for nobody's memory. */
const lineBounds = { maxRows: 1_000, maxBytes: 64 * 1024 };
/** Of several statements only the last result counts, so it is gathered before it is sent. */
const gatheredBounds = { maxRows: 100_000, maxBytes: 16 * 1024 * 1024 };

/**
 * Runs one text as `runExec` does, its rows sent as they come: nothing is kept but the line in hand, and a reader that
 * is slow slows the target. What fails before the first line is thrown; afterwards the last line says it.
 */
export async function* streamExec(services: ExecServices, order: ExecOrder): AsyncGenerator<ExecStreamLine> {
  const session = new ExecSession(services, order);
  const release = session.limit(order.timeoutMs, order.signal);
  const started = services.clock();
  let begun = false;
  try {
    const lines = severalIn(order) ? gathered(session, order) : flowing(session, order);
    let step = await lines.next();
    while (step.done !== true) {
      begun = true;
      yield step.value;
      step = await lines.next();
    }
    const { columns, rowCount, truncated } = step.value;
    const result: BoundedResult = { columns, rows: [], rowCount, truncated };
    const durationMs = services.clock() - started;
    yield { type: 'end', result: documentOf({ order, heard: session.heard, result, cursor: null, durationMs }) };
  } catch (error) {
    const told = session.failure(error);
    if (!begun) throw told;
    yield { type: 'error', error: errorDocumentOf(told).error };
  } finally {
    release();
    await session.close();
  }
}

type Lines = AsyncGenerator<ExecStreamLine, Omit<BoundedResult, 'rows'>>;

const severalIn = ({ parameters, text }: ExecOrder): boolean => parameters.length === 0 && mayHoldSeveral(text);

async function* flowing(session: ExecSession, order: ExecOrder): Lines {
  const { maxRows, maxBytes } = order.bounds;
  const query = new PortalQuery(order.text, order.parameters, order.bounds);
  await session.submit(query, (error) => query.abandon(error));
  let rowCount = 0;
  let bytes = 0;
  let described = false;
  for (;;) {
    const left = Math.min(lineBounds.maxRows, maxRows - rowCount);
    const ahead = { maxRows: maxRows - rowCount, maxBytes: maxBytes - bytes };
    const line = { maxRows: left, maxBytes: Math.min(lineBounds.maxBytes, ahead.maxBytes) };
    const { rows, more } = await query.page(line, ahead);
    refuse(session);
    if (!described && (query.columns.length > 0 || !more)) {
      described = true;
      yield columnsLine(session, query.columns);
    }
    rowCount += rows.length;
    if (rows.length > 0) {
      for (const row of rows) for (const value of row) bytes += value === null ? 0 : Buffer.byteLength(value);
      yield { type: 'rows', rows: rows.map((row) => [...row]) };
    }
    if (!more) return { columns: query.columns, rowCount: countOf(query, rowCount), truncated: false };
    const next = query.nextRowBytes;
    if (rowCount >= maxRows || bytes + next > maxBytes) break;
    // A row larger than a line has one of its own.
    if (rows.length === 0) {
      const alone = await query.page({ maxRows: 1, maxBytes: next });
      rowCount += alone.rows.length;
      bytes += next;
      yield { type: 'rows', rows: alone.rows.map((row) => [...row]) };
      if (!alone.more) return { columns: query.columns, rowCount, truncated: false };
    }
  }
  await query.finish();
  session.heard.give(rowCount);
  return { columns: query.columns, rowCount, truncated: true };
}

async function* gathered(session: ExecSession, order: ExecOrder): Lines {
  const bounds = {
    maxRows: Math.min(order.bounds.maxRows, gatheredBounds.maxRows),
    maxBytes: Math.min(order.bounds.maxBytes, gatheredBounds.maxBytes),
  };
  const result = await runSeveral(session, { ...order, bounds });
  refuse(session);
  yield columnsLine(session, result.columns);
  if (result.rows.length > 0) yield { type: 'rows', rows: result.rows.map((row) => [...row]) };
  return result;
}

const countOf = (query: PortalQuery, rows: number): number => (query.columns.length > 0 ? rows : query.affected);

/** The engine can end a session by closing it; whatever it refused has not happened, result or not. */
function refuse({ heard }: ExecSession): void {
  if (heard.refusal instanceof SluiceError) throw heard.refusal;
}

function columnsLine({ heard }: ExecSession, columns: BoundedResult['columns']): ExecStreamLine {
  return {
    type: 'columns',
    columns: columns.map((column) => ({ ...column })),
    masked_columns: maskedAmong(columns, heard.maskedColumns),
  };
}
