import type { ErrorDocument, TargetSummary } from '../client/api-types.js';
import type { ExecBody, ExecResult } from '../client/api-exec-types.js';
import type { SluiceClient } from '../client/api.js';
import { SluiceError } from '../lib/errors.js';
import { parseDuration } from './durations.js';
import { type ExecOrder, optionsOf, textOf, usage } from './exec-body.js';
import type { ExecContext } from './exec-command.js';
import { cutText, execute } from './exec.js';
import { exitCodeOf } from './exit-codes.js';
import { asSluiceError, errorDocument } from './failure.js';
import { missingText, namedValues } from './input.js';
import { type Output, writeText } from './output.js';
import { plain } from './plain.js';
import { printRows } from './rows.js';

type Labelled = Pick<TargetSummary, 'name' | 'kind'>;

interface Outcome {
  readonly target: string;
  readonly result: ExecResult | null;
  readonly error: SluiceError | null;
}

/** `sluice.exec_many/v1`: what came of one text on several targets. */
interface ExecManyDocument {
  readonly schema: 'sluice.exec_many/v1';
  readonly ok: boolean;
  readonly targets: readonly {
    readonly target: string;
    readonly result: ExecResult | null;
    readonly error: ErrorDocument['error'] | null;
  }[];
  readonly succeeded: number;
  readonly failed: number;
}

/** The code that a program ended with; null where it did not run, or no program did. */
const programCode = ({ result }: Outcome): number | null => result?.exit_code ?? null;
const hasFailed = (outcome: Outcome): boolean => outcome.error !== null || (programCode(outcome) ?? 0) !== 0;

/** Targets at a time: enough to be quick, few enough to stop early. */
const atOnce = 4;

/** Runs one text on every target with these labels, each as a session of its own; one that fails stops no other. */
export async function runOnLabelled(client: SluiceClient, order: ExecOrder, context: ExecContext): Promise<void> {
  const { out, signal } = context;
  refuseTogether(order);
  const told = { ...order, text: order.target };
  // What there is to read locally is read, or missed, before the gateway is asked.
  const local = order.rest.length > 1 ? undefined : await textOf(told);
  if (local === null) throw missingText();
  const targets = await labelled(client, order.label ?? [], signal);
  const given = local ?? (await textOf({ ...told, takesWords: takeWords(targets) }));
  if (given === null) throw missingText();
  const names = targets.map(({ name }) => name);
  const timeoutMs = order.timeout === undefined ? 600_000 : parseDuration(order.timeout, '--timeout');
  const options = { out, signal, wait: order.wait ?? false, timeoutMs, live: false };
  const queue = names.values();
  const outcomes: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (const target of queue) {
      const body: ExecBody = { target, ...given, ...optionsOf(order) };
      try {
        const send = (sent: ExecBody) => client.exec(sent, { signal });
        outcomes.push({ target, result: await execute(client, body, send, options), error: null });
      } catch (error) {
        if (signal.aborted) throw error;
        outcomes.push({ target, result: null, error: asSluiceError(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, names.length) }, work));
  const ordered = names.flatMap((name) => outcomes.filter(({ target }) => target === name));
  if (out.json) out.document(documentOf(ordered));
  else await show(ordered, order, out);
  process.exitCode = exitCodeFor(ordered, order);
}

function refuseTogether(order: ExecOrder): void {
  const alone = (['request', 'idempotency-key', 'cursor'] as const).find((flag) => order[flag] !== undefined);
  if (alone !== undefined) throw usage(`--${alone} is for one target, not for --label.`);
  if (order['dry-run']) throw usage('--dry-run is for one target, not for --label.');
  if (order.text !== undefined) throw usage('Give TARGET or --label, not both.');
}

/** Words behind `--` are a command to one kind of target, and no text to another. */
function takeWords(targets: readonly Labelled[]): boolean {
  const takes = new Set(targets.map(({ kind }) => kind !== 'postgres'));
  if (takes.size > 1)
    throw usage('Words behind -- are a command for some of these targets and no text for the others: add a --label.');
  return takes.has(true);
}

async function labelled(
  client: SluiceClient,
  labels: readonly string[],
  signal: AbortSignal,
): Promise<readonly Labelled[]> {
  const wanted = Object.entries(namedValues(labels, '--label'));
  const [first] = labels;
  const { targets } = await client.targets(first === undefined ? {} : { label: first }, { signal });
  const found = targets
    .filter((target) => wanted.every(([name, value]) => target.labels[name] === value))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (found.length > 0) return found;
  throw new SluiceError('not_found', `No target has the labels ${labels.join(' ')}.`, {
    decider: 'gateway',
    next: [{ command: 'sluice targets', when: 'to see them with their labels' }],
  });
}

function documentOf(outcomes: readonly Outcome[]): ExecManyDocument {
  const failed = outcomes.filter(hasFailed).length;
  return {
    schema: 'sluice.exec_many/v1',
    ok: failed === 0,
    targets: outcomes.map(({ target, result, error }) => ({
      target,
      result,
      error: error === null ? null : errorDocument(error).error,
    })),
    succeeded: outcomes.length - failed,
    failed,
  };
}

/** One result after the other, each row with its target in front; then who had what. */
async function show(outcomes: readonly Outcome[], order: ExecOrder, out: Output): Promise<void> {
  const results = outcomes.flatMap(({ target, result }) => (result === null ? [] : [{ target, result }]));
  const same = (a: ExecResult, b: ExecResult): boolean =>
    JSON.stringify(a.columns.map(({ name }) => name)) === JSON.stringify(b.columns.map(({ name }) => name));
  const [first] = results;
  const groups = first === undefined ? [] : [results.filter(({ result }) => same(result, first.result))];
  // A target whose answer has other columns gets a table of its own.
  for (const other of results) if (groups[0]?.includes(other) === false) groups.push([other]);
  for (const group of groups) {
    const columns = group[0]?.result.columns ?? [];
    if (columns.length === 0) continue;
    const rows = group.flatMap(({ target, result }) => result.rows.map((row) => [target, ...row]));
    await printRows({ columns: [{ name: 'target', type: 'text' }, ...columns], rows }, order.format, out);
  }
  for (const outcome of outcomes) {
    const { target, result } = outcome;
    if (result !== null && programCode(outcome) !== null) {
      await passLines(process.stdout, target, result.stdout ?? '');
      await passLines(process.stderr, target, result.stderr ?? '');
    }
  }
  for (const outcome of outcomes) {
    const { target, result, error } = outcome;
    const code = programCode(outcome);
    if (result !== null && code !== null) {
      const mark = code === 0 ? out.paintError('green', '✓') : out.paintError('red', '✗');
      const cut = result.truncated ? ' (output was cut; see --max-bytes)' : '';
      out.note(`${mark} ${plain(target)}   exit ${code}${cut}   ${result.session_id}`);
    } else if (result !== null) {
      const rows = `${result.row_count} ${result.row_count === 1 ? 'row' : 'rows'}${cutText(result, order.limit)}`;
      out.note(`${out.paintError('green', '✓')} ${plain(target)}   ${rows}   ${result.session_id}`);
    } else if (error !== null) {
      const policy = error.details.policy == null ? '' : `   [${plain(error.details.policy)}]`;
      out.alert(`${out.paintError('red', '✗')} ${plain(target)}   ${plain(error.message)}${policy}`);
      for (const step of error.details.next ?? []) out.note(`    Next: ${plain(step.command)}`);
    }
  }
  const failed = outcomes.filter(hasFailed).length;
  out.note(`${outcomes.length - failed} of ${outcomes.length} targets${failed === 0 ? '' : `; ${failed} failed`}`);
}

/** What a program has said, each line with its target in front, as rows have it. */
async function passLines(stream: NodeJS.WriteStream, target: string, text: string): Promise<void> {
  if (text === '') return;
  const lines = text.replace(/\n$/, '').split('\n');
  await writeText(stream, lines.map((line) => `${target}: ${line}\n`).join(''));
}

/** Their common code when all failures have one, a program's own included, else 1: a script that cares reads the document. */
function exitCodeFor(outcomes: readonly Outcome[], order: ExecOrder): number {
  const codes = new Set(
    outcomes.filter(hasFailed).map((outcome) => {
      const { error } = outcome;
      return error === null ? (programCode(outcome) ?? 1) : exitCodeOf(error.code);
    }),
  );
  const [only] = codes;
  if (codes.size > 1) return 1;
  if (only !== undefined) return only;
  return order['fail-on-truncate'] && outcomes.some(({ result }) => result?.truncated === true) ? 15 : 0;
}
