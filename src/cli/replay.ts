import type { PolicyReplay } from '../client/api-types.js';
import type { Output } from './output.js';

/** What a replayed bundle would decide otherwise: a table of differences, then what was looked at. */
export async function showReplay(document: PolicyReplay, out: Output): Promise<void> {
  const rows = document.differences.map((one) => [
    one.count,
    one.user,
    one.target,
    oneLine(one.text),
    `${one.in_force} → ${one.replayed}${one.shadow ? ' (shadow)' : ''}${one.approximate ? ' ?' : ''}`,
    one.policies.join(', '),
    `${one.session_id} ${one.op}`,
  ]);
  if (out.json || rows.length > 0)
    await out.table(document, ['TIMES', 'USER', 'TARGET', 'OPERATION', 'VERDICT', 'POLICIES', 'LAST'], rows);
  const { changed, shadowed, operations, sessions, skipped, approximate, changed_since: since } = document;
  out.note(`${changed} of ${operations} operations in ${sessions} sessions would be decided otherwise`);
  if (shadowed > 0) out.note(`${shadowed} more only by policies in shadow mode`);
  if (approximate > 0) out.note(`${approximate} were judged without all facts of their effects (marked "?")`);
  if (skipped > 0) out.note(`${skipped} had no effects to judge`);
  if (since > 0) out.note(`${since} are decided otherwise already by the bundle in force`);
  if (document.classification_differs)
    out.note('the column classes differ: effects were read by the classification in force');
  if (document.truncated)
    out.alert('Not everything was looked at: a limit was reached. Narrow it with --since, --target or --user.');
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
