import { randomBytes } from 'node:crypto';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford base 32, lower case

/** A new id: prefix, underscore, 16 random base-32 characters (80 bits). Safe in file names and URLs. */
export function newId(
  prefix: 'ses' | 'req' | 'tun' | 'evt' | 'key' | 'ver' | 'lgn' | 'grt' | 'cur' | 'sig' | 'rly' | 'ssk' | 'cpy',
): string {
  const bytes = randomBytes(16);
  let id = '';
  for (const byte of bytes) id += alphabet[byte & 31];
  return `${prefix}_${id}`;
}

/** Says whether `text` has the exact form of an id with this prefix; anything else must never reach a path. */
export function isId(prefix: string, text: string): boolean {
  return new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{16}$`).test(text);
}
