import { createInterface } from 'node:readline';
import type { WatchFilter } from '../client/api-types.js';
import type { SluiceClient } from '../client/api.js';
import { parseObject } from '../client/error-document.js';
import type { Output } from './output.js';
import { plain, plainJson } from './plain.js';

/** Prints what happens in live sessions until the person leaves, the session ends, or the gateway does. */
export async function watchSessions(
  client: SluiceClient,
  filter: WatchFilter,
  { out, signal }: { readonly out: Output; readonly signal: AbortSignal },
): Promise<void> {
  const stream = await client.watchSessions(filter, { signal });
  const json = out.json || !out.interactive;
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    const event = parseObject(line);
    if (event === null || event['event'] === 'heartbeat') continue;
    if (event['event'] === 'watching') {
      out.note('Watching what happens in live sessions; Ctrl-C ends it.');
      continue;
    }
    out.piece(`${json ? plainJson(event) : lineOf(event, out)}\n`);
  }
  signal.throwIfAborted();
}

const colors = { allowed: 'green', held: 'yellow', denied: 'red', failed: 'red', refused: 'red', done: 'dim' } as const;

/** "10:04:07  ses_… engineer@demo-db  operation.denied  drop table orders". */
function lineOf(event: Readonly<Record<string, unknown>>, out: Output): string {
  const text = (value: unknown): string => (typeof value === 'string' ? plain(value) : '');
  const field = (value: unknown, name: string): unknown =>
    typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  const { detail } = event;
  const outcome = Object.entries(colors).find(([name]) => name === event['outcome'])?.[1] ?? 'dim';
  const where = [text(event['session']), `${text(field(event['actor'], 'name'))}@${text(event['target'])}`].join(' ');
  const said = ['text', 'message', 'tag', 'reason', 'count']
    .map((name) => field(detail, name) ?? event[name])
    .filter((value) => value !== undefined && value !== null && value !== '')
    .map((value) => (typeof value === 'string' ? plain(value) : String(value as number)));
  const line = [text(event['at']).slice(11, 19), where, out.paint(outcome, text(event['event'])), said.join('   ')];
  return line.join('  ').trimEnd();
}
