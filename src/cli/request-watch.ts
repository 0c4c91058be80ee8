import { setTimeout as wait } from 'node:timers/promises';
import type { ApiRequest } from '../client/api-request-types.js';
import type { SluiceClient } from '../client/api.js';
import { clockTime } from './durations.js';
import type { Output } from './output.js';
import { plain, plainNames } from './plain.js';
import { decodeKeys } from './player/keys.js';
import { renderTable } from './table-screen.js';

export interface WatchOptions {
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly mine: boolean;
  /** Lines of the terminal; null where there is none. */
  readonly lines: number | null;
  /** Where the person's keys come from; null where nobody can press any. */
  readonly keys: WatchKeys | null;
}

/** A terminal's input: `q` ends watching. */
export type WatchKeys = Pick<NodeJS.ReadStream, 'setRawMode' | 'setEncoding' | 'on' | 'off' | 'resume' | 'pause'>;

const askEveryMs = 2_000;
const drawEveryMs = 1_000;
/** As many as one answer holds that a person could look at. */
const listed = 100;

/**
 * Requests as they come and go, until the person leaves: on a terminal those that wait for people, redrawn with the time
 * they have left; elsewhere one NDJSON line for each request that is new or has moved.
 */
export async function watchRequests(client: SluiceClient, options: WatchOptions): Promise<void> {
  const { out, mine } = options;
  const isScreen = !out.json && out.interactive && options.lines !== null;
  const quit = new AbortController();
  const signal = AbortSignal.any([options.signal, quit.signal]);
  const keys = isScreen && options.keys !== null ? options.keys : null;
  const ask = async (): Promise<readonly ApiRequest[]> => {
    const state = isScreen ? { state: 'pending' as const } : {};
    return (await client.requests({ ...state, limit: listed, ...(mine && { mine: true }) }, { signal })).requests;
  };
  const screen = new Screen(out, { lines: options.lines ?? 24, end: keys === null ? 'Ctrl-C' : 'q' });
  const seen = new Map<string, string>();
  const letGo = keys === null ? () => undefined : takeKeys(keys, () => quit.abort());
  try {
    for (let isFirst = true; ; isFirst = false) {
      const requests = await ask();
      if (isScreen) await screen.show(requests, signal);
      else {
        for (const request of moved(requests, seen, isFirst))
          out.document({ schema: 'sluice.request/v1', ok: true, request, review: null });
        await wait(askEveryMs, undefined, { signal });
      }
    }
  } catch (error) {
    if (!quit.signal.aborted) throw error;
  } finally {
    letGo();
    screen.end();
    options.signal.throwIfAborted();
  }
}

/** Listens for `q`, and for Ctrl-C, which a terminal whose keys are read one by one tells as a key. Returns how to end that. */
function takeKeys(keys: WatchKeys, quit: () => void): () => void {
  const onData = (chunk: string): void => {
    for (const key of decodeKeys(chunk)) {
      if (key.name === 'interrupt') process.kill(process.pid, 'SIGINT');
      else if (key.name === 'character' && key.character.toLowerCase() === 'q') quit();
    }
  };
  keys.setRawMode(true);
  keys.setEncoding('utf8');
  keys.on('data', onData);
  keys.resume();
  return () => {
    keys.off('data', onData);
    keys.setRawMode(false);
    keys.pause();
  };
}

/** Those not seen before as they are now, oldest first; of those there at the start only the ones that wait. */
export function moved(
  requests: readonly ApiRequest[],
  seen: Map<string, string>,
  isFirst: boolean,
): readonly ApiRequest[] {
  const news: ApiRequest[] = [];
  for (const request of [...requests].reverse()) {
    const mark = `${request.state} ${request.history.length}`;
    if (seen.get(request.id) === mark) continue;
    seen.set(request.id, mark);
    if (!isFirst || request.state === 'pending') news.push(request);
  }
  return news;
}

export interface WaitingLook {
  readonly now: number;
  readonly width: number;
  readonly lines: number;
  /** The key that ends watching. */
  readonly end: 'q' | 'Ctrl-C';
  readonly paint: Output['paint'];
}

/** What waits for people, most urgent first, in at most so many lines. */
export function waitingText(requests: readonly ApiRequest[], look: WaitingLook): string {
  const { now, width, lines, end, paint } = look;
  if (requests.length === 0) return `Nothing waits for approval.   (${end} ends)\n`;
  const urgent = [...requests].sort((a, b) => a.expires_at.localeCompare(b.expires_at));
  const room = Math.max(1, lines - 4);
  const rows = urgent
    .slice(0, room)
    .map((request) => [
      request.id,
      clockTime(Date.parse(request.expires_at) - now),
      plain(request.target),
      plain(request.requester),
      request.required.map(({ group, count, have }) => `${have}/${count} @${group}`).join(' '),
      plainNames(request.text.replace(/\s+/g, ' ').trim()),
    ]);
  const more = urgent.length > room ? `… and ${urgent.length - room} more\n` : '';
  const table = renderTable(['ID', 'LEFT', 'TARGET', 'REQUESTER', 'APPROVALS', 'TEXT'], rows, { width, paint });
  return `${table}${more}Next: sluice requests show ${urgent[0]?.id ?? 'ID'}   (${end} ends)\n`;
}

/** A part of the terminal that is drawn again and again in its place. */
class Screen {
  readonly #out: Output;
  readonly #look: Pick<WaitingLook, 'lines' | 'end'>;
  #drawn = 0;

  constructor(out: Output, look: Pick<WaitingLook, 'lines' | 'end'>) {
    this.#out = out;
    this.#look = look;
  }

  /** Counts down until it is time to ask again. */
  async show(requests: readonly ApiRequest[], signal: AbortSignal): Promise<void> {
    for (let shown = 0; shown < askEveryMs; shown += drawEveryMs) {
      const { width } = this.#out;
      const paint: Output['paint'] = (style, text) => this.#out.paint(style, text);
      this.#draw(waitingText(requests, { ...this.#look, now: Date.now(), width, paint }));
      await wait(drawEveryMs, undefined, { signal });
    }
  }

  /** Leaves what stands there, and the cursor below it. */
  end(): void {
    if (this.#drawn > 0) this.#out.piece('\u001b[?25h');
    this.#drawn = 0;
  }

  #draw(text: string): void {
    const back = this.#drawn === 0 ? '\u001b[?25l' : `\u001b[${this.#drawn}A\r\u001b[J`;
    this.#out.piece(`${back}${text}`);
    this.#drawn = text.split('\n').length - 1;
  }
}
