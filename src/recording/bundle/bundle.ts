import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../../lib/errors.js';
import { ledgerName } from '../layout.js';
import { chunksOf } from '../scan.js';
import { excerptLedger, type LedgerExcerpts } from './excerpt.js';
import { writeTar, type TarFile } from './tar.js';

export const bundleNames = { manifest: 'manifest.json', opened: 'ledger/opened', closed: 'ledger/closed' } as const;

/** `ledger/key-1` and so on: how the keys vouched for each other. */
export const introductionName = /^ledger\/key-(\d{1,4})$/;

export interface BundleParts {
  readonly dir: string;
  readonly gateway: string;
  readonly at: number;
  readonly session: string;
  /** The session's file, sealed or not, and how long it is unpacked. */
  readonly journal: { readonly path: string; readonly bytes: number };
}

/**
 * One session with everything that proves it, as one archive that any tar opens: the public keys, the ledger's records of
 * its opening and end, the journal. Only a closed session has all of it. docs/recording-format.md, "A bundle"
 */
export async function bundleSession(parts: BundleParts): Promise<AsyncIterable<Uint8Array>> {
  const excerpts = await excerptLedger(join(parts.dir, ledgerName), parts.session);
  if (excerpts === null) {
    throw new SluiceError('conflict', `session ${parts.session} has not ended; its proofs are whole when it has`);
  }
  return writeTar(filesOf(parts, excerpts), parts.at);
}

async function* filesOf(
  { dir, gateway, session, journal, at }: BundleParts,
  { opened, closed, introduced }: LedgerExcerpts,
): AsyncGenerator<TarFile> {
  const manifest = { schema: 'sluice.bundle/v1', session, gateway, made_at: new Date(at).toISOString() };
  yield whole(bundleNames.manifest, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  const names = await readdir(join(dir, 'keys'));
  for (const name of names.filter((each) => each.endsWith('.pub.pem')).sort()) {
    yield whole(`keys/${name}`, await readFile(join(dir, 'keys', name)));
  }
  for (const [at, excerpt] of introduced.entries()) yield whole(`ledger/key-${at + 1}`, excerpt);
  yield whole(bundleNames.opened, opened);
  yield whole(bundleNames.closed, closed);
  yield { name: `${session}.journal`, bytes: journal.bytes, chunks: chunksOf(journal.path, 0, journal.bytes) };
}

function whole(name: string, bytes: Buffer): TarFile {
  return { name, bytes: bytes.length, chunks: [bytes] };
}
