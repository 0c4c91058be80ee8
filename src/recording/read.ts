import { SluiceError } from '../lib/errors.js';
import { CborError } from './cbor.js';
import { decryptRecord } from './encryption/record-cipher.js';
import { decodeRecord } from './event-decoder.js';
import type { SessionEvent } from './events.js';
import { eventsOf, journalHeader, type JournalRecord, type RecipientsRecord } from './records.js';
import { chunksOf, RecordScanner, type RecordingSource } from './scan.js';

/** Finds the key of an encrypted session; null when there is none to be had. */
export type OpenSessionKey = (
  recipients: RecipientsRecord,
  session: string,
) => Uint8Array | null | Promise<Uint8Array | null>;

export interface ReadOptions {
  /** Asked once for an encrypted journal. Without it, reading one ends where its encrypted part begins. */
  readonly openKey?: OpenSessionKey;
}

/**
 * The events of a journal, one at a time, the chain's hashes checked on the way. A live or torn file simply stops after
 * its last whole record; one that does not fit its chain throws at the first record that does not. No signatures are
 * checked here: that is what `verifyJournal` is for. What is encrypted is decrypted, or reading ends with `local`.
 */
export async function* readEvents(source: RecordingSource, options: ReadOptions = {}): AsyncGenerator<SessionEvent> {
  for await (const record of readRecords(source, options)) yield* eventsOf(record);
}

/** The same with the records that are not events. */
export async function* readRecords(source: RecordingSource, options: ReadOptions = {}): AsyncGenerator<JournalRecord> {
  const scanner = new RecordScanner(journalHeader);
  let session = '';
  let key: Uint8Array | null = null;
  for await (const chunk of chunksOf(source)) {
    for (const { body, index, offset } of scanner.push(chunk)) {
      let record: JournalRecord;
      try {
        record = decodeRecord(body);
        if (record.type === 'binding') ({ session } = record);
        if (record.type === 'recipients') key = (await options.openKey?.(record, session)) ?? null;
        if (record.type === 'encrypted') {
          if (key === null) throw encrypted();
          record = { type: 'group', at: record.at, events: decryptRecord(record, key) };
        }
      } catch (error) {
        if (error instanceof CborError) throw damaged(index, offset, error.message);
        throw error;
      }
      yield record;
    }
    if (scanner.problem !== null) break;
  }
  const problem = scanner.finish();
  if (problem !== null && !problem.torn) throw damaged(problem.record, problem.byte, problem.message);
}

/** Who can read an encrypted journal, and whose it is; null when it is not encrypted. */
export async function readRecipientsRecord(
  source: RecordingSource,
): Promise<{ readonly session: string; readonly recipients: RecipientsRecord } | null> {
  let session = '';
  let seen = 0;
  for await (const record of readRecords(source)) {
    if (record.type === 'binding') ({ session } = record);
    if (record.type === 'recipients') return { session, recipients: record };
    if (++seen === 3) return null; // its place is the third
  }
  return null;
}

function encrypted(): SluiceError {
  return new SluiceError(
    'local',
    'this recording is encrypted: reading it needs an identity of one of its recipients',
    {
      decider: 'local',
      next: [{ command: 'sluice play … --identity FILE', when: 'with an identity that the recording was made for' }],
    },
  );
}

function damaged(record: number, byte: number, message: string): SluiceError {
  return new SluiceError('protocol', `the recording is damaged at record ${record} (byte ${byte}): ${message}`, {
    decider: 'local',
    next: [{ command: 'sluice sessions verify FILE', when: 'to see what is still sound' }],
  });
}
