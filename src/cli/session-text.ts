import type { ApiSession, SessionDocument, SessionOperation } from '../client/api-types.js';
import type { Output } from './output.js';
import type { VerifyDocument } from './verify.js';
import { plain, plainBlock } from './plain.js';
import type { Cell } from './table.js';

export const sessionHeader = [
  'ID',
  'STARTED',
  'USER',
  'FOR',
  'TARGET',
  'VIA',
  'STATE',
  'OPERATIONS',
  'DENIED',
  'ROWS',
] as const;

export function sessionRow(session: ApiSession): readonly Cell[] {
  const { id, started_at, user, on_behalf_of, target, via, state, operations, denied, rows } = session;
  return [id, started_at, user, on_behalf_of?.name, target, via, state, operations, denied, rows];
}

const marks = { allow: ['green', '✓'], hold: ['yellow', '⏸'], deny: ['red', '✗'], none: ['dim', '·'] } as const;

function operationLines(operation: SessionOperation, out: Output): readonly string[] {
  const [color, mark] = marks[operation.verdict ?? 'none'];
  const outcome = [
    operation.error === null ? null : plain(operation.error),
    operation.row_count === null ? null : `${operation.row_count} rows`,
    operation.duration_ms === null ? null : `${operation.duration_ms} ms`,
    operation.request_id,
    operation.policies.length === 0 ? null : plain(operation.policies.join(', ')),
  ].filter((part) => part !== null && part !== '');
  const [first = '', ...more] = plainBlock(operation.text.trim()).split('\n');
  return [
    `${out.paint(color, mark)} ${String(operation.op).padStart(4)}  ${operation.at}  ${first}`,
    ...more.map((line) => `        ${line}`),
    ...(outcome.length === 0 ? [] : [`        ${out.paint('dim', outcome.join('   '))}`]),
  ];
}

export function sessionText({ session, operations }: SessionDocument, out: Output): string {
  const person = session.on_behalf_of ?? null;
  const behalf = person === null ? '' : ` for ${plain(person.name)}`;
  return [
    `${session.id}   ${session.state}   ${plain(session.user)} (${session.user_kind})${behalf} on ${plain(session.target)} via ${session.via}, ${plain(session.client)}`,
    `started ${session.started_at}   ended ${session.ended_at ?? '–'}${session.end_reason === null ? '' : ` (${plain(session.end_reason)})`}   recording ${session.recording}`,
    ...operations.flatMap((operation) => operationLines(operation, out)),
  ].join('\n');
}

/** What a verification found, one line a session, then the ledger. */
export function verifyText(document: VerifyDocument, out: Output): string {
  const good = out.paint('green', '✓');
  const bad = out.paint('red', '✗');
  const lines = document.sessions.map(({ id, valid, records, problem }) =>
    valid
      ? `${good} ${plain(id)}   ${records} records`
      : `${bad} ${plain(id)}   broken${problem === null ? '' : ` at record ${problem.record}, byte ${problem.byte}: ${plain(problem.message)}`}`,
  );
  const { ledger } = document;
  if (ledger !== null) {
    const words = ledger.valid ? `${ledger.entries} entries` : plain(ledger.problem ?? 'broken');
    lines.push(`${ledger.valid ? good : bad} ledger   ${words}`);
    // A gateway of before says nothing of it.
    if ((ledger.notice ?? null) !== null)
      lines.push(`${out.paint('yellow', '!')} ledger   ${plain(ledger.notice ?? '')}`);
  }
  lines.push(document.valid ? `${good} valid` : `${bad} NOT valid`);
  return lines.join('\n');
}
