import { setTimeout as wait } from 'node:timers/promises';
import type { ApiRequest } from '../client/api-request-types.js';
import type { SluiceClient } from '../client/api.js';
import { clockTime } from './durations.js';
import type { Output } from './output.js';
import { plain } from './plain.js';
import { renderTable } from './table-screen.js';

export interface WatchOptions {
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly mine: boolean;
  /** Lines of the terminal; null where there is none. */
  readonly lines: number | null;
}

const askEveryMs = 2_000;
const drawEveryMs = 1_000;
/** As many as one answer holds that a person could look at. */
const listed = 100;

/**
 * Requests as they come and go, until the person leaves: on a terminal those that wait for people, redrawn with the time
 * they have left; elsewhere one NDJSON line for each request that is new or has moved.
 */
export async function watchRequests(client: SluiceClient, options: WatchOptions): Promise<void> {
  const { out, signal, mine } = options;
  const isScreen = !out.json && out.interactive && options.lines !== null;
  const ask = async (): Promise<readonly ApiRequest[]> => {
    const state = isScreen ? { state: 'pending' as const } : {};
    return (await client.requests({ ...state, limit: listed, ...(mine && { mine: true }) }, { signal })).requests;
  };
  const screen = new Screen(out, options.lines ?? 24);
  const seen = new Map<string, string>();
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
  } finally {
    screen.end();
    signal.throwIfAborted();
  }
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

/** What waits for people, most urgent first, in at most so many lines. */
export function waitingText(
  requests: readonly ApiRequest[],
  look: { readonly now: number; readonly width: number; readonly lines: number; readonly paint: Output['paint'] },
): string {
  if (requests.length === 0) return 'Nothing waits for approval.   (Ctrl-C ends)\n';
  const { now, width, lines, paint } = look;
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
      plain(request.text.replace(/\s+/g, ' ').trim()),
    ]);
  const more = urgent.length > room ? `… and ${urgent.length - room} more\n` : '';
  const table = renderTable(['ID', 'LEFT', 'TARGET', 'REQUESTER', 'APPROVALS', 'TEXT'], rows, { width, paint });
  return `${table}${more}Next: sluice requests show ${urgent[0]?.id ?? 'ID'}   (Ctrl-C ends)\n`;
}

/** A part of the terminal that is drawn again and again in its place. */
class Screen {
  readonly #out: Output;
  readonly #lines: number;
  #drawn = 0;

  constructor(out: Output, lines: number) {
    this.#out = out;
    this.#lines = lines;
  }

  /** Counts down until it is time to ask again. */
  async show(requests: readonly ApiRequest[], signal: AbortSignal): Promise<void> {
    for (let shown = 0; shown < askEveryMs; shown += drawEveryMs) {
      const { width } = this.#out;
      const paint: Output['paint'] = (style, text) => this.#out.paint(style, text);
      this.#draw(waitingText(requests, { now: Date.now(), width, lines: this.#lines, paint }));
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
