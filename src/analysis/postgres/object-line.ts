import { createHash } from 'node:crypto';
import type { RawFunction } from '../postgres-types.js';

/** `relation public.orders (16423 r) 5f3a…`: what a name means, and a digest of what that is made of. */
export function objectLine(kind: string, schema: string, name: string, id: string, made: string): string {
  const digest = createHash('sha256').update(made).digest('hex').slice(0, 32);
  return `${kind} ${schema}.${name} (${id}) ${digest}`;
}

/** Says whether such a line is about something of this name, in whatever schema. */
export function isAbout(line: string, name: string): boolean {
  return line.slice(0, line.lastIndexOf(' (')).endsWith(`.${name}`);
}

/** A name that means nothing (yet). */
export function absentLine(kind: string, schema: string, name: string): string {
  return `${kind} ${schema}.${name} (absent)`;
}

export function functionLine({ schema, name, oid, mark, argTypes, returnType, body }: RawFunction): string {
  return objectLine('function', schema, name, `${oid}`, JSON.stringify([mark ?? '', argTypes, returnType, body]));
}
