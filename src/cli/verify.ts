import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { VerifyDocument as GatewayVerifyDocument } from '../client/api-types.js';
import type { SluiceClient } from '../client/api.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import { parseAnchors, type LedgerAnchor } from '../recording/anchor.js';
import { publicKeyOf, publishedKeys, readPublicKeys, keyId } from '../recording/keys.js';
import { isBundle, verifyBundle } from '../recording/bundle/verify-bundle.js';
import type { RecordingsVerdict } from '../recording/types.js';
import { verifyJournal } from '../recording/verify.js';
import { verifyAll } from '../recording/verify-all.js';
import { usage } from './usage.js';

/** As the gateway's own; `ledger` is null when single files were checked, which say nothing of it. */
export type VerifyDocument = Omit<GatewayVerifyDocument, 'ledger'> & {
  readonly ledger: GatewayVerifyDocument['ledger'] | null;
};
type Keys = Awaited<ReturnType<typeof readPublicKeys>>;

/** Says whether an argument names a file here rather than a session at the gateway. */
export async function isFile(argument: string): Promise<boolean> {
  return stat(argument).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Checks journals without a gateway: with the keys given, else with those published beside the recordings. */
export async function verifyFiles(
  paths: readonly string[],
  keyFiles: readonly string[],
  connect: () => Promise<SluiceClient>,
): Promise<VerifyDocument> {
  const given = keyFiles.length === 0 ? null : await readPublicKeys(keyFiles);
  const sessions: VerifyDocument['sessions'][number][] = [];
  const bundles: RecordingsVerdict[] = [];
  for (const path of paths) {
    if (isBundle(path)) {
      bundles.push(await verifyBundle(resolve(path), given));
      continue;
    }
    const keys = given ?? (await keysNear(path)) ?? (await gatewayKeys(connect));
    const verdict = await verifyJournal(resolve(path), keys);
    const { valid, records, problem } = verdict;
    sessions.push({ id: verdict.session ?? basename(path), valid, records, problem });
  }
  for (const bundle of bundles) {
    sessions.push(...bundle.sessions.map(({ id, valid, records, problem }) => ({ id, valid, records, problem })));
  }
  const broken = bundles.find(({ ledger }) => !ledger.valid)?.ledger;
  const entries = bundles.reduce((sum, { ledger }) => sum + ledger.entries, 0);
  const ledger = bundles.length === 0 ? null : (broken ?? { valid: true, entries, problem: null, notice: null });
  const valid = sessions.every((session) => session.valid) && broken === undefined;
  return { schema: 'sluice.verify/v1', ok: true, valid, sessions, ledger };
}

/** Checks a whole recordings folder with its ledger, so that a missing session shows too. */
export async function verifyFolder(
  dir: string,
  keyFiles: readonly string[],
  anchors: readonly LedgerAnchor[] = [],
): Promise<VerifyDocument> {
  const keys = keyFiles.length === 0 ? await publishedKeys(dir) : await readPublicKeys(keyFiles);
  if (keys.size === 0) throw usage(`No public key in ${dir}/keys: name one with --key FILE.`);
  const { valid, sessions, ledger } = await verifyAll(dir, { keys, anchors });
  return {
    schema: 'sluice.verify/v1',
    ok: true,
    valid,
    sessions: sessions.map(({ id, valid: sound, records, problem }) => ({ id, valid: sound, records, problem })),
    ledger,
  };
}

/** Reads heads of the ledger that were kept elsewhere: files of one or many, or a URL that answers with some. */
export async function readAnchors(places: readonly string[], signal: AbortSignal): Promise<readonly LedgerAnchor[]> {
  const all = await Promise.all(places.map((place) => readAnchor(place, signal)));
  return all.flat();
}

async function readAnchor(place: string, signal: AbortSignal): Promise<readonly LedgerAnchor[]> {
  try {
    if (!/^https?:/i.test(place)) return parseAnchors(await readFile(place, 'utf8'));
    const response = await fetch(place, { signal, redirect: 'error' });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return parseAnchors(await response.text());
  } catch (cause) {
    throw new SluiceError('usage', `Cannot read an anchor from ${place}: ${messageOf(cause)}.`, {
      decider: 'local',
      cause,
    });
  }
}

/** recordings/YYYY-MM-DD/ID.journal has its keys in recordings/keys. */
async function keysNear(path: string): Promise<Keys | null> {
  const folder = dirname(resolve(path));
  for (const dir of [folder, dirname(folder)]) {
    const keys = await publishedKeys(dir);
    if (keys.size > 0) return keys;
  }
  return null;
}

async function gatewayKeys(connect: () => Promise<SluiceClient>): Promise<Keys> {
  try {
    const { keys } = await (await connect()).keys();
    const parsed = keys.map((key) => publicKeyOf(key.public_key_pem)).filter((key) => key !== null);
    return new Map(parsed.map((key) => [keyId(key), key]));
  } catch (cause) {
    throw new SluiceError('usage', 'No public key found beside the recording: name one with --key FILE.', {
      decider: 'local',
      cause,
    });
  }
}
