import type { KeyObject } from 'node:crypto';
import { isId } from '../../lib/ids.js';
import { SluiceError } from '../../lib/errors.js';
import { keyId, publicKeyOf, publicKeyOfDer } from '../keys.js';
import type { LedgerRecord } from '../records.js';
import { chunksOf } from '../scan.js';
import type { PublicKeys } from '../signing.js';
import type { JournalVerdict, LedgerVerdict, RecordingsVerdict, SessionVerdict } from '../types.js';
import { verifyJournal } from '../verify.js';
import { bundleNames, introductionName } from './bundle.js';
import { readExcerpt } from './excerpt.js';
import { readTar, type TarSpan } from './tar.js';

/** Everything but the journal is small; what is not is no bundle. */
const maxSmallBytes = 16 * 1024 * 1024;
const keyName = /^keys\/(key_[0-9a-z]{16})\.pub\.pem$/;

/** A bundle's parts, not checked. */
export interface OpenBundle {
  readonly session: string;
  readonly journal: () => AsyncIterable<Uint8Array>;
  readonly opened: Buffer;
  readonly closed: Buffer;
  /** In the order in which keys vouched for each other. */
  readonly introduced: readonly Buffer[];
  /** Those it brings along: whoever made the bundle chose them. */
  readonly keys: PublicKeys;
}

/** Says whether a file is a bundle, by its name. */
export function isBundle(path: string): boolean {
  return path.endsWith('.sluice');
}

/** Opens a bundle; throws `usage` for what is none. */
export async function openBundle(path: string): Promise<OpenBundle> {
  let spans: ReadonlyMap<string, TarSpan>;
  try {
    spans = await readTar(path);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new SluiceError('usage', `${path} is not a bundle: ${cause.message}`, { cause });
  }
  const name = [...spans.keys()].find((each) => each.endsWith('.journal')) ?? '';
  const session = name.slice(0, -'.journal'.length);
  const journal = spans.get(name);
  if (journal === undefined || !isId('ses', session)) throw new SluiceError('usage', `${path} holds no session`);
  const keys = new Map<string, KeyObject>();
  const introduced: (readonly [at: number, excerpt: Buffer])[] = [];
  for (const [each, span] of spans) {
    const [, at] = introductionName.exec(each) ?? [];
    if (at !== undefined) introduced.push([Number(at), await bytesOf(path, span)]);
    const key = keyName.test(each) ? publicKeyOf((await bytesOf(path, span)).toString('utf8')) : null;
    if (key !== null) keys.set(keyId(key), key);
  }
  return {
    session,
    keys,
    introduced: introduced.sort(([one], [other]) => one - other).map(([, excerpt]) => excerpt),
    journal: () => chunksOf(path, journal.from, journal.to),
    opened: await bytesOf(path, spans.get(bundleNames.opened)),
    closed: await bytesOf(path, spans.get(bundleNames.closed)),
  };
}

/**
 * Checks a bundle with nothing but itself and keys: the journal in full, and that the ledger saw this very journal opened
 * and closed. With the bundle's own keys (the default) it shows what was changed since, not who made it.
 */
export async function verifyBundle(path: string, trusted: PublicKeys | null): Promise<RecordingsVerdict> {
  const bundle = await openBundle(path);
  const keys = trusted === null ? bundle.keys : withIntroduced(trusted, bundle.introduced);
  const journal = await verifyJournal(bundle.journal(), keys);
  const [opened, closed] = [readExcerpt(bundle.opened, keys), readExcerpt(bundle.closed, keys)];
  const problem = typeof opened === 'string' ? opened : typeof closed === 'string' ? closed : null;
  const entries = [opened, closed].flatMap((records) => (typeof records === 'string' ? [] : records));
  const ledger: LedgerVerdict = {
    valid: problem === null,
    entries: entries.filter(({ type }) => type !== 'checkpoint').length,
    problem,
    notice: null,
  };
  const session = judge(bundle.session, journal, entries);
  return { valid: ledger.valid && session.valid, sessions: [session], ledger };
}

/** A key that a trusted one vouches for is trusted too, as in the whole ledger. */
function withIntroduced(trusted: PublicKeys, excerpts: readonly Buffer[]): PublicKeys {
  const keys = new Map(trusted);
  for (const excerpt of excerpts) {
    const records = readExcerpt(excerpt, keys);
    if (typeof records === 'string') continue;
    for (const record of records) {
      const key = record.type === 'key introduced' ? publicKeyOfDer(record.spki) : null;
      if (key !== null && record.type === 'key introduced' && keyId(key) === record.key) keys.set(record.key, key);
    }
  }
  return keys;
}

function judge(id: string, journal: JournalVerdict, entries: readonly LedgerRecord[]): SessionVerdict {
  const message = journal.problem === null ? mismatch(id, journal, entries) : null;
  const problem = journal.problem ?? (message === null ? null : { record: 0, byte: 0, message });
  const { records, closed } = journal;
  return { id, valid: problem === null, records, closed, problem, deleted: false };
}

function mismatch(id: string, journal: JournalVerdict, entries: readonly LedgerRecord[]): string | null {
  if (journal.session !== id) return `this is the journal of ${journal.session ?? 'nobody'}`;
  const opened = entries.find((entry) => entry.type === 'session opened' && entry.session === id);
  const closed = entries.find((entry) => entry.type === 'session closed' && entry.session === id);
  if (opened?.type !== 'session opened' || hex(opened.firstHash) !== journal.firstHash) {
    return 'the ledger saw no such journal opened';
  }
  if (
    closed?.type !== 'session closed' ||
    closed.records !== journal.records ||
    hex(closed.head) !== journal.headHash
  ) {
    return 'the ledger saw no such journal closed';
  }
  return null;
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}

async function bytesOf(path: string, span: TarSpan | undefined): Promise<Buffer> {
  if (span === undefined || span.to - span.from > maxSmallBytes) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(path, span.from, span.to)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
