import { basename } from 'node:path';
import type { SluiceClient } from '../client/api.js';
import { parseDuration } from './durations.js';
import type { Output } from './output.js';
import { plain } from './plain.js';
import { isBundle, openBundle } from '../recording/bundle/verify-bundle.js';
import { playbackDocument, playbackText, type Recording } from './playback.js';
import { sessionKeys } from './session-keys.js';
import { speeds } from './player/state.js';
import { usage } from './usage.js';
import { isFile } from './verify.js';

export interface PlayOrder {
  readonly format: 'text' | 'json' | undefined;
  readonly speed: string;
  readonly idle: string | undefined;
  readonly at: string | undefined;
  readonly identity: string | undefined;
  /** Only this operation, apart from those beside it. */
  readonly op: number | undefined;
  /** A live session, on until it ends. */
  readonly follow: boolean;
}
export interface PlayContext {
  readonly out: Output;
  /** Somebody sits at the terminal: nobody does where a program has one. */
  readonly attended: boolean;
  readonly signal: AbortSignal;
  readonly connect: () => Promise<SluiceClient>;
}

/** Plays on a terminal, prints everywhere else; --json is the JSON format. */
export async function play(session: string, order: PlayOrder, context: PlayContext): Promise<void> {
  const { out } = context;
  const start = startOf(order);
  const op = order.op ?? null;
  const source = await open(session, order, context);
  if (out.json || order.format === 'json') return out.document(await playbackDocument(source, op));
  const terminal = out.interactive && context.attended;
  if (order.format === 'text' || !terminal) {
    for await (const piece of playbackText(source, out.colored, op)) out.piece(piece);
    return;
  }
  const [{ runPlayer }, { startState }] = await Promise.all([import('./player/run.js'), import('./player/state.js')]);
  const { openTrack } = await import('./player/spooled.js');
  const { track, close } = await openTrack(source, plain(basename(session)), op);
  // Whoever follows begins with what happens now.
  const atMs = order.follow ? track.durationMs : start.atMs;
  try {
    await runPlayer(track, startState({ ...start, atMs }), {
      input: process.stdin,
      output: process.stdout,
      colored: out.colored,
      now: () => performance.now(),
      signal: context.signal,
    });
  } finally {
    await close();
  }
}

function startOf(order: PlayOrder): { readonly speed: number; readonly idleMs: number | null; readonly atMs: number } {
  const speed = Number(order.speed);
  const [slowest, fastest] = [Math.min(...speeds), Math.max(...speeds)];
  if (!(speed >= slowest && speed <= fastest))
    throw usage(`--speed expects ${slowest} to ${fastest}, not "${order.speed}".`);
  return {
    speed,
    idleMs: order.idle === undefined ? null : parseDuration(order.idle, '--idle'),
    atMs: order.at === undefined ? 0 : parseDuration(order.at, '--at'),
  };
}

async function open(
  session: string,
  { identity, follow }: PlayOrder,
  { connect, signal }: PlayContext,
): Promise<Recording> {
  const openKey = sessionKeys(identity, connect);
  if (await isFile(session)) {
    if (follow) throw usage('--follow goes with a live session, not with a file.');
    return { source: isBundle(session) ? (await openBundle(session)).journal() : session, openKey };
  }
  if (/[./\\]/.test(session)) throw usage(`No such file: ${session}.`);
  return { source: await (await connect()).sessionJournal(session, { signal, follow }), openKey };
}
