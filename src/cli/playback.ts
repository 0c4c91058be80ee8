import { renderJson } from '../recording/playback/json.js';
import { onlyOf } from '../recording/playback/one-operation.js';
import { renderText } from '../recording/playback/text.js';
import { readEvents, type OpenSessionKey } from '../recording/read.js';
import type { RecordingSource } from '../recording/scan.js';

/** A journal, and how to come by its key should it be encrypted. */
export interface Recording {
  readonly source: RecordingSource;
  readonly openKey: OpenSessionKey;
}

/** The session as a readable transcript, piece by piece. */
export function playbackText(
  { source, openKey }: Recording,
  color: boolean,
  op: number | null = null,
): AsyncGenerator<string> {
  return renderText(onlyOf(readEvents(source, { openKey }), op), { color });
}

/** The session as one document: its events as they were recorded, rows decoded. */
export async function playbackDocument({ source, openKey }: Recording, op: number | null = null): Promise<object> {
  const events = [];
  for await (const event of renderJson(onlyOf(readEvents(source, { openKey }), op))) events.push(event);
  return { schema: 'sluice.playback/v1', ok: true, events };
}
