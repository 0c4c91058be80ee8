import { cString, frame, int32 } from './frames.js';
import { encodeFields } from './errors.js';

const ready = {
  I: frame('Z', Buffer.from('I')),
  T: frame('Z', Buffer.from('T')),
  E: frame('Z', Buffer.from('E')),
} as const;

/** ReadyForQuery: Byte1('Z') Int32(5) Byte1(transaction status). */
export function readyForQuery(status: 'I' | 'T' | 'E'): Buffer {
  return ready[status];
}

export function commandComplete(tag: string): Buffer {
  return frame('C', cString(tag));
}

export function parameterStatus(name: string, value: string): Buffer {
  return frame('S', cString(name), cString(value));
}

/** BackendKeyData: Int32(process id) Int32(key). */
export function backendKeyData(processId: number, key: Buffer): Buffer {
  return frame('K', int32(processId), key);
}

export const authenticationOk = frame('R', int32(0));

/** A NOTICE of the gateway's own. */
export function notice(message: string, hint: string): Buffer {
  return encodeFields(
    'N',
    new Map([
      ['S', 'NOTICE'],
      ['V', 'NOTICE'],
      ['C', '00000'],
      ['M', message],
      ['H', hint],
    ]),
  );
}
