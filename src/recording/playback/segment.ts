import { SluiceError } from '../../lib/errors.js';
import { hashBytes } from '../chain.js';
import { decryptRecord } from '../encryption/record-cipher.js';
import { decodeRecord } from '../event-decoder.js';
import type { SessionEvent } from '../events.js';
import { eventsOf, journalHeader } from '../records.js';
import { RecordScanner } from '../scan.js';
import type { JournalBytes } from '../sealing/journal-bytes.js';

/** The events of a part of a journal that begins and ends with a record; each checked to follow the one before. */
export function readSegment(
  bytes: JournalBytes,
  { from, to }: { readonly from: number; readonly to: number },
  key: Uint8Array | null,
): readonly SessionEvent[] {
  const before = from > journalHeader.length ? hashBytes : journalHeader.length;
  const piece = Buffer.allocUnsafe(to - from + before);
  const got = bytes.read(piece, from - before);
  const hash = piece.subarray(0, hashBytes);
  const isFirst = from <= journalHeader.length;
  const scanner = isFirst
    ? new RecordScanner(journalHeader)
    : RecordScanner.after(journalHeader, { count: 0, offset: from, hash: Buffer.from(hash) });
  const events: SessionEvent[] = [];
  for (const { body } of scanner.push(piece.subarray(isFirst ? 0 : before, got))) {
    const record = decodeRecord(body);
    events.push(...(record.type === 'encrypted' ? opened(record, key) : eventsOf(record)));
  }
  const { problem } = scanner;
  if (problem !== null && !problem.torn) {
    throw new SluiceError('protocol', `the recording is damaged at byte ${problem.byte}: ${problem.message}`, {
      decider: 'local',
      next: [{ command: 'sluice sessions verify FILE', when: 'to see what is still sound' }],
    });
  }
  return events;
}

function opened(record: Parameters<typeof decryptRecord>[0], key: Uint8Array | null): readonly SessionEvent[] {
  if (key !== null) return decryptRecord(record, key);
  throw new SluiceError('denied', 'this recording is encrypted: name an identity with --identity FILE', {
    decider: 'local',
  });
}
