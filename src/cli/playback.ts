import { renderJson } from '../recording/playback/json.js';
import { renderText } from '../recording/playback/text.js';
import { buildTimeline } from '../recording/playback/timeline.js';
import { readEvents, type OpenSessionKey } from '../recording/read.js';
import type { RecordingSource } from '../recording/scan.js';
import type { Track, TrackStep } from './player/track.js';

/** A journal, and how to come by its key should it be encrypted. */
export interface Recording {
  readonly source: RecordingSource;
  readonly openKey: OpenSessionKey;
}

/** The session as a readable transcript, piece by piece. */
export function playbackText({ source, openKey }: Recording, color: boolean): AsyncGenerator<string> {
  return renderText(readEvents(source, { openKey }), { color });
}

/** The session as one document: its events as they were recorded, rows decoded. */
export async function playbackDocument({ source, openKey }: Recording): Promise<object> {
  const events = [];
  for await (const event of renderJson(readEvents(source, { openKey }))) events.push(event);
  return { schema: 'sluice.playback/v1', ok: true, events };
}

/** The session as the player takes it. A statement counts from the moment it was sent, when it stands there whole. */
export async function playbackTrack({ source, openKey }: Recording, title: string): Promise<Track> {
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
  for (const { atMs, text, marker } of await buildTimeline(readEvents(source, { openKey }))) {
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
  return { title, durationMs: steps.at(-1)?.atMs ?? 0, steps };
}
