import { createInterface } from 'node:readline';
import type { SignalList } from '../client/api-types.js';
import type { SluiceClient } from '../client/api.js';
import { parseObject } from '../client/error-document.js';
import type { Output } from './output.js';
import { plain, plainJson } from './plain.js';

type Shown = Pick<SignalList['signals'][number], 'evidence'>;

/** The command that shows a signal's last evidence; what it was about, where that is no recording. */
export function evidenceLink({ evidence }: Shown): string {
  const last = evidence.at(-1);
  if (last === undefined) return '';
  if (last.session_id === null) return last.object ?? last.event;
  return `sluice sessions show ${last.session_id}${last.op === null ? '' : ` # operation ${last.op}`}`;
}

/** Prints signals as they are raised, until the person leaves or the gateway does. */
export async function watchSignals(
  client: SluiceClient,
  { out, signal }: { readonly out: Output; readonly signal: AbortSignal },
): Promise<void> {
  const stream = await client.watchSignals({ signal });
  const json = out.json || !out.interactive;
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    const event = parseObject(line);
    if (event?.['event'] === 'watching') out.note('Watching for signals; Ctrl-C ends it.');
    if (event?.['event'] !== 'signal') continue;
    const text = (name: string): string => (typeof event[name] === 'string' ? plain(event[name]) : '');
    const said = [text('at').slice(11, 19), text('severity'), text('kind'), text('user'), text('summary')];
    out.piece(`${json ? plainJson(event) : said.join('  ')}\n`);
  }
  signal.throwIfAborted();
}
