import { scrubText } from '../../masking/scrub.js';
import type { Conversation } from './conversation.js';
import { cString, FieldReader, frame, int32, type Frame } from './frames.js';
import { isPinnedPath, movedSetting } from './pinned-settings.js';

// What the server says by itself, at any time (PostgreSQL 55.2.7).

/** ParameterStatus: String(name) String(value). A pinned setting that moves means that something got past the gate. */
export function requirePinned(talk: Conversation, message: Frame): void {
  const reader = new FieldReader(message.payload);
  const name = reader.string();
  const value = reader.string();
  const moved =
    (name === 'client_encoding' && value !== 'UTF8') ||
    (name === 'standard_conforming_strings' && value !== 'on') ||
    // Told by PostgreSQL 18 and later.
    (name === 'search_path' && !isPinnedPath(value, talk.backend.dialled.parameters.get(name))) ||
    (name === 'session_authorization' && value !== talk.backend.dialled.parameters.get(name));
  if (moved) throw movedSetting(name);
}

/** NotificationResponse: Int32(process) String(channel) String(payload). What others send may be anything. */
export function passNotification(talk: Conversation, message: Frame): void {
  const { session, now, incoming } = talk;
  const reader = new FieldReader(message.payload);
  const sender = reader.int32();
  const channel = reader.string();
  const payload = scrubText(reader.string(), incoming.classification.detectors);
  session.recorder.append({
    type: 'notice',
    at: now(),
    op: null,
    code: '',
    message: `notification on ${channel}: ${payload}`,
  });
  talk.toClient(frame('A', int32(sender), cString(channel), cString(payload)));
}
