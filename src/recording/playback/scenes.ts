import {
  type ApprovalEvent,
  type ColumnsEvent,
  type DecisionEvent,
  type EndEvent,
  type ErrorEvent,
  givenNotice,
  type NoticeEvent,
  type OpenEvent,
  type OperationEvent,
  type ResultEvent,
  type RowsEvent,
  type SessionEvent,
  type TerminalEvent,
} from '../events.js';
import { markLookAlikes } from '../../lib/look-alikes.js';
import { escapeLine, escapeText } from './escape.js';
import { KeptFiles } from './kept-files.js';
import { decodeRows } from './rows.js';
import { renderTable } from './table.js';
import { TerminalFilter } from './terminal-filter.js';
import { sizeIn } from './terminal-size.js';

/** What a scene shows; colour and navigation go by it. */
export type Marker =
  | 'open'
  | 'statement'
  | 'allow'
  | 'deny'
  | 'hold'
  | 'approval'
  | 'result'
  | 'error'
  | 'notice'
  | 'terminal'
  | 'resize'
  | 'end';

/** One thing that appears during playback. */
export interface Scene {
  readonly at: number;
  readonly op: number | null;
  readonly marker: Marker;
  readonly text: string;
  /** The end of `text` from here on was typed by the person. */
  readonly typedFrom: number | null;
  /** Output of a terminal: its line feeds are what they are. */
  readonly isExact?: boolean;
}

export type Events = Iterable<SessionEvent> | AsyncIterable<SessionEvent>;

const maxRowsShown = 1000;

interface Result {
  readonly columns: ColumnsEvent['columns'];
  readonly rows: (readonly (string | null)[])[];
  kept: number;
}

/** Turns events into what a reader sees, in order. Everything recorded is escaped. */
export async function* scenesOf(events: Events): AsyncGenerator<Scene> {
  const stage = new Stage();
  for await (const event of events) yield* stage.show(event);
  yield* stage.finish();
}

/** A preparation that may turn out to be the first half of something run. */
interface Prepared {
  readonly text: string;
  readonly scenes: Scene[];
}
const maxPrepared = 256;

/** What is under way while events are shown one after the other. */
export class Stage {
  #prompt = '';
  #openedAt = 0;
  #lastAt = 0;
  #operations = 0;
  #ended = false;
  readonly #startedAt = new Map<number, number>();
  /** Lines typed at a terminal that are not decided yet. */
  readonly #lines = new Set<number>();
  readonly #results = new Map<number, Result>();
  readonly #files = new KeptFiles();
  /** The last word on bytes that are counted and not kept. */
  readonly #passing = new Map<number | null, NoticeEvent>();
  readonly #prepared = new Map<number, Prepared>();
  /** Channels run side by side: each has its place in its own output. */
  readonly #terminals = new Map<number, { readonly filter: TerminalFilter; isTerminal: boolean }>();

  /** Goes on in the middle of a session, behind so many operations. */
  resume(operations: number): void {
    this.#operations = operations;
  }

  /**
   * A statement that is allowed to be prepared and then run with the same text is one thing to people: what ran. So an
   * allowed preparation waits; it is shown when it failed, or was never run.
   */
  *show(event: SessionEvent): Generator<Scene> {
    this.#lastAt = event.at;
    if (event.type === 'operation' && event.kind === 'execute') this.#dropPrepared(event.text);
    if (event.type === 'end') yield* this.#releaseAll();
    if (event.type === 'end') for (const last of this.#passing.values()) yield this.#noticeScene(last);
    const op = 'op' in event ? event.op : null;
    const held = op === null ? undefined : this.#prepared.get(op);
    const isAllowed = event.type === 'decision' && event.verdict === 'allow';
    if (op !== null && held !== undefined && !isAllowed) yield* this.#release(op, held);
    const scene = this.#sceneOf(event);
    if (scene === null) return;
    if (event.type === 'operation' && event.kind === 'parse') {
      this.#operations--; // counted when it is shown
      this.#prepared.set(event.op, { text: event.text, scenes: [scene] });
      const [oldest] = this.#prepared.size > maxPrepared ? this.#prepared : [];
      if (oldest !== undefined) yield* this.#release(...oldest);
    } else if (held !== undefined && isAllowed) held.scenes.push(scene);
    else yield scene;
  }

  #dropPrepared(text: string): void {
    for (const [op, held] of this.#prepared) if (held.text === text) return void this.#prepared.delete(op);
  }

  *#release(op: number, { scenes }: Prepared): Generator<Scene> {
    this.#prepared.delete(op);
    this.#operations++;
    yield* scenes;
  }

  *#releaseAll(): Generator<Scene> {
    for (const [op, held] of this.#prepared) yield* this.#release(op, held);
  }

  #sceneOf(event: SessionEvent): Scene | null {
    const op = 'op' in event ? event.op : null;
    const scene = (marker: Marker, text: string, typedFrom: number | null = null): Scene => ({
      ...{ at: event.at, op, marker, text, typedFrom },
    });
    switch (event.type) {
      case 'open':
        this.#openedAt = event.at;
        this.#prompt = escapeLine(event.target.name);
        return scene('open', headerOf(event));
      case 'operation': {
        this.#operations++;
        this.#startedAt.set(event.op, event.at);
        // A line typed at a terminal stands in its output already.
        if (event.kind === 'line') {
          this.#lines.add(event.op);
          return scene('statement', '');
        }
        const prompt = `\n${this.#prompt}=> `;
        return scene('statement', prompt + this.#statement(event), prompt.length);
      }
      case 'decision':
        if (event.verdict !== 'hold' && this.#lines.delete(event.op) && event.verdict === 'allow') return null;
        return scene(event.verdict, decisionOf(event));
      case 'approval':
        return scene('approval', approvalOf(event));
      case 'columns':
        this.#results.set(event.op, { columns: event.columns, rows: [], kept: 0 });
        return null;
      case 'rows':
        this.#keep(event);
        return null;
      case 'result':
        this.#passing.delete(event.op);
        this.#terminals.delete(event.op);
        return scene('result', this.#resultOf(event));
      case 'error':
        return scene('error', this.#partial(event.op) + errorOf(event));
      case 'notice':
        return this.#noticed(event);
      case 'terminal':
        return this.#terminalScene(event);
      case 'file':
        this.#files.add(event);
        return null;
      case 'end':
        this.#ended = true;
        return scene('end', this.#endOf(event));
    }
  }

  /** How much has passed so far is of use only where nothing says how much it was in the end. */
  #noticed(event: NoticeEvent): Scene | null {
    if (event.code === 'passing') this.#passing.set(event.op, event);
    if (event.code === 'forwarded') this.#passing.delete(event.op);
    return event.code === 'passing' ? null : this.#noticeScene(event);
  }

  #noticeScene({ at, op, code, message }: NoticeEvent): Scene {
    const what = code === givenNotice ? 'exec gave out' : `NOTICE ${escapeLine(code)}:`;
    return { at, op, marker: 'notice', text: `  ${what} ${indented(message)}\n`, typedFrom: null };
  }

  #terminalScene({ at, op, stream, data }: TerminalEvent): Scene | null {
    const known = this.#terminals.get(op) ?? { filter: new TerminalFilter(), isTerminal: false };
    this.#terminals.set(op, known);
    const common = { at, op, typedFrom: null };
    if (stream === 'o')
      return { ...common, marker: 'terminal', text: known.filter.push(data), isExact: known.isTerminal };
    const size = stream === 'r' ? sizeIn(data) : null;
    if (size === null) return null;
    known.isTerminal = true;
    return { ...common, marker: 'resize', text: `${size.columns}x${size.rows}` };
  }

  *finish(): Generator<Scene> {
    if (this.#ended || this.#openedAt === 0) return;
    yield* this.#releaseAll();
    yield {
      ...{ at: this.#lastAt, op: null, marker: 'end', typedFrom: null },
      text: '\n— no end recorded: the session is live, or its gateway stopped and has not recovered it yet\n',
    };
  }

  #statement(event: OperationEvent): string {
    const text = markLookAlikes(escapeText(event.text)).trimEnd().replaceAll('\n', `\n${this.#prompt}-> `);
    const lines = [text];
    // How a driver sends a statement says nothing; that it was only prepared, fetched on or copied does.
    if (event.kind !== 'query' && event.kind !== 'execute') lines.push(`  (${escapeLine(kindWords(event.kind))})`);
    const parameters = event.parameters.map((value, index) => `$${index + 1} = ${quoted(value)}`);
    if (parameters.length > 0) lines.push(`  ${parameters.join(', ')}`);
    if (event.fault !== null) lines.push(`  ! could not be analysed: ${escapeLine(event.fault)}`);
    return `${lines.join('\n')}\n`;
  }

  #keep(event: RowsEvent): void {
    const result = this.#results.get(event.op);
    if (result === undefined) return;
    result.kept += event.count;
    if (result.rows.length >= maxRowsShown) return;
    for (const row of decodeRows(event, result.columns)) {
      if (result.rows.length >= maxRowsShown) break;
      result.rows.push(row);
    }
  }

  #resultOf(event: ResultEvent): string {
    const startedAt = this.#startedAt.get(event.op);
    const result = this.#results.get(event.op);
    this.#results.delete(event.op);
    const file = this.#files.take(event.op, event.tag);
    let text = file;
    if (result !== undefined) {
      text += renderTable(result.columns, result.rows);
      text += `(${event.rowCount} ${event.rowCount === 1 ? 'row' : 'rows'})`;
      const hidden = event.rowCount - result.rows.length;
      if (hidden > 0) text += ` ${hidden} not shown${event.truncated ? ', counted and digested but not kept' : ''}`;
      text += '\n';
    } else if (event.truncated && file === '' && !isTransfer(event.tag))
      text += '(rows counted and digested, not kept)\n';
    const tag = event.tag === '' ? '(suspended)' : escapeLine(event.tag);
    if (result === undefined || !event.tag.startsWith('SELECT')) text += `${tag}\n`;
    return startedAt === undefined ? text : `${text}Time: ${durationOf(event.at - startedAt)}\n`;
  }

  /** Rows that had come before an error. */
  #partial(op: number | null): string {
    const result = op === null ? undefined : this.#results.get(op);
    if (op === null || result === undefined) return '';
    this.#results.delete(op);
    if (result.rows.length === 0) return '';
    return `${renderTable(result.columns, result.rows)}(${result.kept} rows before the error)\n`;
  }

  #endOf(event: EndEvent): string {
    const detail = event.detail === '' ? '' : ` (${escapeLine(event.detail)})`;
    const took = durationOf(event.at - this.#openedAt);
    const count = `${this.#operations} ${this.#operations === 1 ? 'operation' : 'operations'}`;
    return `\n— ended: ${event.reason}${detail}, after ${took}, ${count}\n`;
  }
}

/** Its tag says all: what was moved is counted in bytes, and has no rows. */
function isTransfer(tag: string): boolean {
  return /^(?:down|up)loaded \d+ bytes of /.test(tag);
}

function kindWords(kind: string): string {
  if (kind === 'parse') return 'prepared only';
  return kind === 'fetch' ? 'fetched on' : kind;
}

function headerOf(event: OpenEvent): string {
  const { identity, client, target } = event;
  const { onBehalfOf = null } = identity;
  const labels = Object.entries(target.labels).map(([name, value]) => `${name}=${value}`);
  const rows: readonly (readonly [string, string])[] = [
    [
      'Who',
      `${identity.name} (${identity.kind}${identity.groups.length > 0 ? `; ${identity.groups.join(', ')}` : ''})`,
    ],
    ['When', new Date(event.at).toISOString()],
    ['Target', [`${target.name} (${target.kind})`, ...labels].join(' ')],
    [
      'Client',
      `${client.application === '' ? 'unnamed' : client.application} from ${client.address} via ${client.via}`,
    ],
    ['Recording', `${event.mode}, policy version ${event.policyVersion}`],
    ['Login', `${identity.issuer} ${identity.subject}`],
    ...(onBehalfOf === null ? [] : ([['For', `${onBehalfOf.name} (${onBehalfOf.subject})`]] as const)),
    ...(event.reason === null ? [] : ([['Reason', event.reason]] as const)),
    ...Object.entries(event.meta ?? {}).map(([name, value]) => ['Meta', `${name}=${value}`] as const),
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(10)}${escapeLine(value)}\n`);
  return `Session ${escapeLine(event.session)}\n${lines.join('')}`;
}

function decisionOf(event: DecisionEvent): string {
  return `${verdictOf(event)}${shadowOf(event)}`;
}

function shadowOf({ shadow }: DecisionEvent): string {
  if (shadow === undefined) return '';
  const policies = shadow.policies.map((id) => `"${escapeLine(id)}"`).join(', ');
  const word = { allow: 'allowed', deny: 'denied', hold: 'held' }[shadow.verdict];
  return `  ◌ in shadow mode: would be ${word}${policies === '' ? '' : ` by ${policies}`}\n`;
}

function verdictOf(event: DecisionEvent): string {
  const policies = event.policies.map((id) => `"${escapeLine(id)}"`).join(', ');
  const message = event.message === '' ? '' : `: ${escapeLine(event.message)}`;
  switch (event.verdict) {
    case 'allow':
      return `  ✓ allowed${policies === '' ? '' : ` by ${policies}`}${message}\n`;
    case 'deny':
      return `  ✗ denied by ${policies === '' ? 'default: no policy permits it' : `policy ${policies}`}${message}\n`;
    case 'hold':
      return `  ⏸ held ${event.request === null ? '' : escapeLine(event.request)} by ${policies}${message}\n`;
  }
}

function approvalOf(event: ApprovalEvent): string {
  const people = event.by.map(({ name, comment }) => {
    return escapeLine(name) + (comment === '' ? '' : ` ("${escapeLine(comment)}")`);
  });
  const by = people.length === 0 ? '' : ` by ${people.join(', ')}`;
  const sign = { approved: '✓', denied: '✗', expired: '✗', cancelled: '✗', executed: '✓' }[event.state];
  return `  ${sign} ${event.state}${by} [${escapeLine(event.request)}]\n`;
}

function errorOf(event: ErrorEvent): string {
  const who = { gateway: 'gateway', target: 'target', network: 'network' }[event.decider];
  return `  ✗ error ${escapeLine(event.code)} from ${who}: ${indented(event.message)}\n`;
}

function indented(text: string): string {
  return escapeText(text).trimEnd().replaceAll('\n', '\n    ');
}

function quoted(value: string | null): string {
  return value === null ? 'NULL' : `'${escapeLine(value).replaceAll("'", "''")}'`;
}

function durationOf(ms: number): string {
  const time = Math.max(0, ms);
  if (time < 1000) return `${Math.round(time)} ms`;
  if (time < 60_000) return `${(time / 1000).toFixed(1)} s`;
  return `${Math.floor(time / 60_000)} min ${Math.floor((time % 60_000) / 1000)} s`;
}
