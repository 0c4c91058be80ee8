import { decodeRecord } from '../event-decoder.js';
import type { SessionEvent } from '../events.js';
import { eventsOf, journalHeader, type JournalRecord } from '../records.js';
import { RecordScanner } from '../scan.js';
import { JournalBytes } from '../sealing/journal-bytes.js';
import { decryptRecord } from './record-cipher.js';
import type { Identity } from './recipients.js';
import { unwrapSessionKey } from './session-key.js';

/** The binding, the opening and the recipients fit in this with room to spare. */
const startBytes = 1024 * 1024;

/** The key of the journal in a file; null when it is not encrypted, or not for these identities. */
export function keyOfJournal(path: string, identities: readonly Identity[]): Uint8Array | null {
  if (identities.length === 0) return null;
  const scanner = new RecordScanner(journalHeader);
  let session = '';
  for (const { body, index } of scanner.push(startOf(path))) {
    const record = decodeRecord(body);
    if (record.type === 'binding') ({ session } = record);
    if (record.type === 'recipients') return unwrapSessionKey(record, session, identities);
    if (index === 3) return null;
  }
  return null;
}

function startOf(path: string): Buffer {
  const start = Buffer.alloc(startBytes);
  return start.subarray(0, new JournalBytes(path).read(start, 0));
}

/** Decrypts what the index reads, where it has an identity for that. */
export class JournalOpener {
  readonly #path: string;
  readonly #identities: readonly Identity[];
  #key: Uint8Array | null | undefined;

  constructor(path: string, identities: readonly Identity[]) {
    this.#path = path;
    this.#identities = identities;
  }

  /** The events in a record; none in what has none, or cannot be read here. */
  eventsIn(record: JournalRecord): readonly SessionEvent[] {
    if (record.type !== 'encrypted') return eventsOf(record);
    if (this.#key === undefined) this.#key = keyOfJournal(this.#path, this.#identities);
    return this.#key === null ? [] : decryptRecord(record, this.#key);
  }
}
