import { SluiceError } from '../lib/errors.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** RFC 8259 8.1: JSON is UTF-8. Of anything else, other characters than were sent would be judged, shown to people and run. */
export function textOfBody(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new SluiceError('usage', 'the body is not UTF-8', { cause });
  }
}
