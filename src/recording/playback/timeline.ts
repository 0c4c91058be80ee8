import { paint, type TextOptions } from './text.js';
import { scenesOf, type Events, type Marker, type Scene } from './scenes.js';

/** One step of an interactive playback: at `atMs` from the session's start, `text` is added to the screen. */
export interface Frame {
  readonly atMs: number;
  readonly text: string;
  readonly op: number | null;
  /** Null in the middle of a statement being typed; `statement` where it begins. */
  readonly marker: Marker | null;
  /** Output of a terminal, to be shown as it is. */
  readonly isExact: boolean;
}

const typingMs = 600;
const maxTypingSteps = 40;

/** The frames of a whole session, in order of time. Statements appear as if typed, ending when they were sent. */
export async function buildTimeline(events: Events, options: TextOptions = {}): Promise<readonly Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of framesOf(events, options)) frames.push(frame);
  return frames;
}

/** The same, one frame at a time. */
export async function* framesOf(events: Events, options: TextOptions = {}): AsyncGenerator<Frame> {
  let start: number | null = null;
  let lastMs = 0;
  for await (const scene of scenesOf(events)) {
    start ??= scene.at;
    // A clock that was set back must not turn the film around.
    const atMs = Math.max(lastMs, scene.at - start);
    if (scene.typedFrom === null) {
      const text = options.color === true ? paint(scene.marker, scene.text) : scene.text;
      yield { atMs, text, op: scene.op, marker: scene.marker, isExact: scene.isExact === true };
    } else yield* typed(scene, scene.typedFrom, lastMs, atMs);
    lastMs = atMs;
  }
}

/** The frames of some scenes from the middle of a session that began at `startedAt` and stands at `atMs`. */
export function* framesFrom(
  scenes: Iterable<Scene>,
  { startedAt, atMs: earlier }: { readonly startedAt: number; readonly atMs: number },
): Generator<Frame> {
  let lastMs = earlier;
  for (const scene of scenes) {
    const atMs = Math.max(lastMs, scene.at - startedAt);
    if (scene.typedFrom === null)
      yield { atMs, text: scene.text, op: scene.op, marker: scene.marker, isExact: scene.isExact === true };
    else yield* typed(scene, scene.typedFrom, lastMs, atMs);
    lastMs = atMs;
  }
}

function* typed(scene: Scene, from: number, earliestMs: number, atMs: number): Generator<Frame> {
  const { op, marker, text } = scene;
  const characters = [...text.slice(from)];
  const duration = Math.min(typingMs, atMs - earliestMs);
  const steps = duration < 50 ? 1 : Math.min(characters.length, maxTypingSteps);
  const size = Math.ceil(characters.length / Math.max(1, steps));
  yield { atMs: atMs - duration, text: text.slice(0, from), op, marker, isExact: false };
  for (let index = 0; index < characters.length; index += size) {
    const done = Math.min(1, (index + size) / characters.length);
    const piece = characters.slice(index, index + size).join('');
    yield { atMs: Math.round(atMs - duration + done * duration), text: piece, op, marker: null, isExact: false };
  }
}
