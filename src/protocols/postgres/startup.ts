import { SluiceError } from '../../lib/errors.js';
import { FieldReader } from './frames.js';

/** What a client may send before it is let in. PostgreSQL 55.7: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage. */
export type StartupPacket =
  | { readonly type: 'ssl' }
  | { readonly type: 'gss' }
  | { readonly type: 'cancel'; readonly processId: number; readonly key: Buffer }
  | {
      readonly type: 'startup';
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
      /** `_pq_.` protocol extensions asked for; none is known here. */
      readonly extensions: readonly string[];
    };

const maxStartupBytes = 10_000; // MAX_STARTUP_PACKET_LENGTH of the server
const sslRequest = 80877103;
const gssEncRequest = 80877104;
const cancelRequest = 80877102;

/** Cuts one untyped startup packet, Int32(length) payload, off the front; null until it is whole. */
export function takeStartupPacket(bytes: Buffer): { readonly packet: StartupPacket; readonly rest: Buffer } | null {
  if (bytes.length < 4) return null;
  const length = bytes.readInt32BE(0);
  if (length < 8 || length > maxStartupBytes) throw new SluiceError('protocol', 'invalid length of startup packet');
  if (bytes.length < length) return null;
  return { packet: decode(bytes.subarray(4, length)), rest: bytes.subarray(length) };
}

function decode(payload: Buffer): StartupPacket {
  const reader = new FieldReader(payload);
  const code = reader.uint32();
  if (code === sslRequest || code === gssEncRequest) {
    reader.end();
    return { type: code === sslRequest ? 'ssl' : 'gss' };
  }
  if (code === cancelRequest) {
    const processId = reader.int32();
    const key = reader.rest();
    if (key.length < 4 || key.length > 256) throw new SluiceError('protocol', 'invalid cancel key');
    return { type: 'cancel', processId, key };
  }
  if (code >>> 16 !== 3)
    throw new SluiceError('protocol', `unsupported frontend protocol ${code >>> 16}.${code & 0xffff}: use 3.0`);
  const parameters = new Map<string, string>();
  const extensions: string[] = [];
  for (;;) {
    const name = reader.string();
    if (name === '') break;
    const value = reader.string();
    if (name.startsWith('_pq_.')) extensions.push(name);
    // The server lets the last of two win, which lets a reader of the first be fooled: one of each, or nothing.
    else if (parameters.has(name)) throw new SluiceError('protocol', `startup parameter "${name}" is given twice`);
    else parameters.set(name, value);
  }
  reader.end();
  return { type: 'startup', minor: code & 0xffff, parameters, extensions };
}

/** Startup parameters that are passed on, each with the form its value must have; `null` ones are accepted and dropped. */
const accepted: Readonly<Record<string, RegExp | null>> = {
  user: null,
  database: null,
  client_encoding: /^(utf-?8|unicode|sql_ascii|)$/i,
  application_name: /^[\x20-\x7e]{0,128}$/,
  DateStyle: /^(ISO|SQL|Postgres|German)(, ?(MDY|DMY|YMD))?$/i,
  IntervalStyle: /^(postgres|postgres_verbose|sql_standard|iso_8601)$/i,
  TimeZone: /^[A-Za-z0-9_+\-/:<>]{1,64}$/,
  extra_float_digits: /^-?\d{1,2}$/,
  statement_timeout: /^\d{1,9}(ms|s|min)?$/,
  lock_timeout: /^\d{1,9}(ms|s|min)?$/,
  idle_in_transaction_session_timeout: /^\d{1,9}(ms|s|min)?$/,
  jit: /^(on|off)$/,
  options: /^\s*$/,
};
const passedOn = new Set([
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'extra_float_digits',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'jit',
]);

/** Settings of the client's that our own startup message carries on. Everything not on the list is refused by name. */
export function acceptedParameters(parameters: ReadonlyMap<string, string>): Map<string, string> {
  const onward = new Map<string, string>();
  for (const [name, value] of parameters) {
    const key = Object.keys(accepted).find((known) => known.toLowerCase() === name.toLowerCase());
    const form = key === undefined ? undefined : accepted[key];
    if (key === undefined || form === undefined)
      throw refused(name, 'it is not among the settings a client may choose at the start');
    if (form !== null && !form.test(value))
      throw refused(
        name,
        key === 'client_encoding'
          ? 'sessions are pinned to UTF8 (set PGCLIENTENCODING=UTF8)'
          : 'its value is not accepted',
      );
    if (passedOn.has(key)) onward.set(key, value);
  }
  return onward;
}

function refused(name: string, why: string): SluiceError {
  return new SluiceError('denied', `startup parameter "${name}" is refused: ${why}.`, { decider: 'gateway' });
}
