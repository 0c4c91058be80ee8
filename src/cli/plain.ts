import { markLookAlikes } from '../lib/look-alikes.js';
import { escapeLine, escapeText, safeJson } from '../recording/playback/escape.js';

// Text from elsewhere is never shown raw: a value from a database must not move the cursor, set the title or write the
// clipboard. One set of rules with playback.

/** One line: control and invisible characters become visible escapes. */
export const plain = escapeLine;

/** JSON in which what a terminal could obey is escaped, which JSON.stringify leaves in part. */
export const plainJson = safeJson;

/** As `plain`, but keeps line breaks: for text shown as a block. */
export function plainBlock(text: string): string {
  return escapeText(text).replaceAll('\t', '  ');
}

/** One line of what people decide on: as `plain`, and no name in it reads as another one. */
export function plainNames(text: string): string {
  return markLookAlikes(plain(text));
}
