import type { OutputLines } from '../../recording/playback/output-lines.js';
import type { Frame } from '../../recording/playback/timeline.js';
import type { TrackStep } from './track.js';

/** Frames as the player takes them. A statement counts from the moment it was sent, when it stands there whole. */
export function stepsOf(frames: Iterable<Frame>, lines: OutputLines): readonly TrackStep[] {
  const steps: TrackStep[] = [];
  let typing: TrackStep[] = [];
  const finishTyping = (): void => {
    const last = typing.at(-1);
    if (last !== undefined) {
      const whole = typing.map(({ text }) => text).join('');
      steps.push(...typing.slice(0, -1), { ...last, stop: true, statement: true, search: whole });
    }
    typing = [];
  };
  for (const frame of frames) {
    const { atMs, marker } = frame;
    if (marker === 'resize') continue;
    // Of a statement that is being typed every frame has a piece.
    const text = lines.next({ ...frame, marker: marker ?? 'statement' });
    const step = { atMs, text, search: '', stop: false, statement: false };
    if (marker === null || marker === 'statement') {
      if (marker === 'statement') finishTyping();
      typing.push(step);
      continue;
    }
    finishTyping();
    steps.push({ ...step, stop: true, search: text });
  }
  finishTyping();
  return steps;
}
