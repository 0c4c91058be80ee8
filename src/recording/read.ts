import { SluiceError } from '../lib/errors.js';
import { CborError } from './cbor.js';
import { decodeRecord } from './event-codec.js';
import type { SessionEvent } from './events.js';
import { journalHeader, type JournalRecord } from './records.js';
import { chunksOf, RecordScanner, type RecordingSource } from './scan.js';

/**
 * The events of a journal, one at a time, the chain's hashes checked on the way. A live or torn file simply stops after
 * its last whole record; one that does not fit its chain throws at the first record that does not. No signatures are
 * checked here: that is what `verifyJournal` is for.
 */
export async function* readEvents(source: RecordingSource): AsyncGenerator<SessionEvent> {
  for await (const record of readRecords(source)) {
    if (record.type !== 'binding' && record.type !== 'checkpoint' && record.type !== 'unknown') yield record;
  }
}

/** The same with the records that are not events. */
export async function* readRecords(source: RecordingSource): AsyncGenerator<JournalRecord> {
  const scanner = new RecordScanner(journalHeader);
  for await (const chunk of chunksOf(source)) {
    for (const { body, index, offset } of scanner.push(chunk)) {
      try {
        yield decodeRecord(body);
      } catch (error) {
        if (error instanceof CborError) throw damaged(index, offset, error.message);
        throw error;
      }
    }
    if (scanner.problem !== null) break;
  }
  const problem = scanner.finish();
  if (problem !== null && !problem.torn) throw damaged(problem.record, problem.byte, problem.message);
}

function damaged(record: number, byte: number, message: string): SluiceError {
  return new SluiceError('protocol', `the recording is damaged at record ${record} (byte ${byte}): ${message}`, {
    decider: 'local',
    next: [{ command: 'sluice sessions verify FILE', when: 'to see what is still sound' }],
  });
}
