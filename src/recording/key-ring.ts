import { createPublicKey } from 'node:crypto';
import { SluiceError } from '../lib/errors.js';
import { publishedKeys } from './keys.js';
import type { Ledger } from './ledger.js';
import { formatVersion } from './records.js';
import { forgetRetiredKeys, openSigningKeys, rotateKeyFile, type KeyPlace } from './signing-keys.js';
import type { PublicKeys, SigningKey } from './signing.js';
import type { RecordingKey } from './types.js';

interface Started {
  readonly gateway: string;
  readonly clock: () => number;
}

/** The keys of a running gateway: the one that signs now, older ones for what they began, and the change between them. */
export class KeyRing {
  readonly #place: KeyPlace;
  readonly #signers = new Map<string, SigningKey>();
  #active: SigningKey;
  #rotating: Promise<unknown> = Promise.resolve();

  private constructor(place: KeyPlace, active: SigningKey, retired: ReadonlyMap<string, SigningKey>) {
    this.#place = place;
    this.#active = active;
    for (const key of [...retired.values(), active]) this.#signers.set(key.id, key);
  }

  static async open(place: KeyPlace): Promise<KeyRing> {
    const { active, retired } = await openSigningKeys(place);
    return new KeyRing(place, active, retired);
  }

  get active(): SigningKey {
    return this.#active;
  }
  /** By id, for what is already begun. */
  get signers(): ReadonlyMap<string, SigningKey> {
    return this.#signers;
  }

  /** Public halves to read one's own files with: those published beside the recordings and our own. */
  async trusted(): Promise<PublicKeys> {
    const keys = new Map(await publishedKeys(this.#place.recordingsDir));
    for (const { id, privateKey } of this.#signers.values()) keys.set(id, createPublicKey(privateKey));
    return keys;
  }

  /** The first entries of a start. When the key was changed in between, the old one vouches for it if it is still here. */
  async announceStart(ledger: Ledger, lastKey: string | null, { gateway, clock }: Started): Promise<void> {
    // The ledger still signs with its last key.
    const changed = lastKey !== null && lastKey !== this.#active.id && this.#signers.has(lastKey);
    if (changed) await ledger.append(introductionOf(this.#active, clock()));
    await ledger.changeKey(this.#active, startOf(this.#active, gateway, clock()));
  }

  /** Once recovery is through nothing of an older key is open: its private half goes, so that it can sign nothing more. */
  async forgetRetired(): Promise<void> {
    if (this.#place.given === null) await forgetRetiredKeys(this.#place.keysDir, (id) => id === this.#active.id);
    this.#signers.clear();
    this.#signers.set(this.#active.id, this.#active);
  }

  /** Makes a new key and signs with it from now on; journals that are open keep theirs. */
  rotate(ledger: Ledger, started: Started): Promise<string> {
    if (this.#place.given !== null) {
      throw new SluiceError(
        'conflict',
        `the signing key comes from ${this.#place.given.from}: put the new key there, before the old one, and restart`,
        { decider: 'gateway' },
      );
    }
    const rotated = this.#rotating.then(() => this.#rotate(ledger, started));
    this.#rotating = rotated.catch(() => undefined);
    return rotated;
  }

  async #rotate(ledger: Ledger, { gateway, clock }: Started): Promise<string> {
    const key = await rotateKeyFile(this.#place, (next) => ledger.append(introductionOf(next, clock())));
    this.#signers.set(key.id, key);
    await ledger.changeKey(key, startOf(key, gateway, clock()));
    this.#active = key;
    return key.id;
  }

  async list(): Promise<readonly RecordingKey[]> {
    return listKeys(this.#place.recordingsDir, this.#active.id);
  }
}

/** Every key that recordings in this folder were signed with, the active one first. */
export async function listKeys(recordingsDir: string, active: string | null): Promise<readonly RecordingKey[]> {
  const keys = [...(await publishedKeys(recordingsDir))].map(([id, key]): RecordingKey => ({
    id,
    algorithm: 'Ed25519',
    public_key_pem: key.export({ type: 'spki', format: 'pem' }).toString(),
    state: id === active ? 'active' : 'retired',
  }));
  return keys.sort((one, other) => Number(other.state === 'active') - Number(one.state === 'active'));
}

function introductionOf({ id, privateKey }: SigningKey, at: number) {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { type: 'key introduced', at, key: id, spki } as const;
}

function startOf({ id }: SigningKey, gateway: string, at: number) {
  return { type: 'gateway started', at, version: formatVersion, gateway, key: id } as const;
}
