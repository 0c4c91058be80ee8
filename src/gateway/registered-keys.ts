import type { VerifiedToken } from '../identity/types.js';
import { newId } from '../lib/ids.js';
import { SluiceError } from '../lib/errors.js';
import type { Principal } from '../policy/types.js';
import { fingerprintOf } from '../protocols/ssh/host-key.js';
import { readLoginKeyLine } from '../protocols/ssh/login/login-key.js';
import { isSignedText } from '../protocols/ssh/login/signed-text.js';
import type { RegisteredKey, RegisteredKeyStore } from '../store/ports.js';
import type { Caller, Callers } from './callers.js';
import type { KnownPeople } from './known-people.js';

/** What `ssh-keygen -Y sign -n` is given, so that the signature is good for nothing else. */
export const keyProofNamespace = 'sluice-ssh-key';
const maxKeysEach = 20;

export interface RegisteredKeysParts {
  readonly store: RegisteredKeyStore;
  readonly people: Pick<KnownPeople, 'find'>;
  readonly callers: Pick<Callers, 'resolve'>;
  readonly clock: () => number;
  readonly publicUrl: string;
  /** A key counts while its owner has shown a token within this time; 0: keys are not taken. */
  readonly seenWithinMs: number;
  /** Sessions that came with it must end. */
  readonly onRemoved: (id: string) => void;
}

/** What is to be registered. */
export interface KeyOrder {
  /** `ssh-ed25519 AAAA…`, or of a security token `sk-ssh-ed25519@openssh.com AAAA…` or `sk-ecdsa-sha2-nistp256@openssh.com AAAA…` */
  readonly publicKey: string;
  /** `ssh-keygen -Y sign` over `statement`, in its armour. */
  readonly proof: string;
  readonly label: string;
  readonly expiresAt: number | null;
}

/** Whose key was used. */
export interface Holder {
  readonly id: string;
  readonly fingerprint: string;
  readonly principal: Principal;
}

/**
 * People's own public keys for the native SSH listener. A key says who somebody is and nothing of what they may do: groups
 * are those of the last token that they have shown, which must not be long ago.
 */
export class RegisteredKeys {
  readonly #parts: RegisteredKeysParts;

  constructor(parts: RegisteredKeysParts) {
    this.#parts = parts;
  }

  get isTaken(): boolean {
    return this.#parts.seenWithinMs > 0;
  }

  /** What somebody signs to register a key: good for them, at this gateway, and for nobody else. */
  statement(owner: string): string {
    return `This SSH key is of ${owner} at ${this.#parts.publicUrl}.`;
  }

  list(owner: string): readonly RegisteredKey[] {
    return this.#parts.store.of(owner);
  }

  /** Throws usage for what is no key or no proof, denied for who may have none, conflict for a key that is registered. */
  add({ token, principal }: Caller, order: KeyOrder): RegisteredKey {
    const { clock, store } = this.#parts;
    const publicKey = readLoginKeyLine(order.publicKey);
    if (publicKey === null) {
      const types = 'ssh-ed25519, sk-ssh-ed25519@openssh.com and sk-ecdsa-sha2-nistp256@openssh.com';
      throw new SluiceError('usage', `a key of Ed25519 or of a security token is registered: ${types}`, {
        next: [{ command: 'ssh-keygen -t ed25519', when: 'to make one' }],
      });
    }
    const text = this.statement(principal.id);
    if (token.kind !== 'human' || token.onBehalfOf !== undefined) {
      throw new SluiceError('denied', 'Keys are registered by people; programs have tokens.', {
        decider: 'gateway',
        next: [{ command: 'sluice ssh certificate', when: 'for a login of some minutes' }],
      });
    }
    // An offered key is not a proved key: without this anyone could have somebody else's act in their name.
    if (!isSignedText(order.proof, { text, namespace: keyProofNamespace, key: publicKey })) {
      throw new SluiceError('usage', 'the signature does not prove that you have the private half of this key', {
        decider: 'gateway',
        next: [{ command: 'sluice ssh keys add --key FILE', when: 'to register it with its proof' }],
      });
    }
    if (order.expiresAt !== null && order.expiresAt <= clock())
      throw new SluiceError('usage', 'a key that has expired opens nothing', { decider: 'gateway' });
    if (store.of(principal.id).length >= maxKeysEach)
      throw conflict(`You have ${maxKeysEach} keys, and nobody may have more.`);
    const { blob, type } = publicKey;
    const key: RegisteredKey = {
      id: newId('ssk'),
      owner: principal.id,
      issuer: token.issuer,
      fingerprint: fingerprintOf(blob),
      publicKey: `${type} ${blob.toString('base64')}`,
      label: order.label,
      addedAt: clock(),
      expiresAt: order.expiresAt,
      usedAt: null,
    };
    if (!store.add(key)) throw conflict(`The key ${key.fingerprint} is registered already.`);
    return key;
  }

  /** Takes a key back and ends what came with it. Throws not_found for one that is not this owner's. */
  remove(owner: string, id: string): RegisteredKey {
    const key = this.list(owner).find((own) => own.id === id || own.fingerprint === id);
    if (key === undefined) {
      throw new SluiceError('not_found', `you have no key ${id}`, {
        decider: 'gateway',
        next: [{ command: 'sluice ssh keys list', when: 'to see yours' }],
      });
    }
    this.#parts.store.remove(key.id);
    this.#parts.onRemoved(key.id);
    return key;
  }

  /** Whether a login with this key is worth a proof. Opens nothing. */
  isRegistered(blob: Buffer): boolean {
    return this.#find(blob) !== null;
  }

  /** Whose the key is that has just been proved. Throws login_required when it opens nothing now, and says why. */
  holderOf(blob: Buffer): Holder {
    const { callers, clock, people, seenWithinMs, store } = this.#parts;
    const key = this.#find(blob);
    if (key === null) throw new SluiceError('login_required', 'nobody has registered this key');
    const person = people.find(key.issuer, key.owner);
    if (person === null || person === 'many' || clock() - person.seenAt > seenWithinMs) {
      const within = `${Math.round(seenWithinMs / 60_000)} minutes`;
      throw new SluiceError('login_required', `your key is right, but you have not been seen here within ${within}`, {
        decider: 'gateway',
        next: [{ command: 'sluice login && sluice whoami', when: 'so that your groups are known; then again' }],
      });
    }
    store.used(key.id, clock());
    // One key is one factor, whatever the last login was.
    const expiresAt = Math.max(person.token.expiresAt, person.seenAt + seenWithinMs);
    const token: VerifiedToken = { ...person.token, mfa: false, expiresAt };
    return { id: key.id, fingerprint: key.fingerprint, principal: callers.resolve(token) };
  }

  #find(blob: Buffer): RegisteredKey | null {
    if (!this.isTaken) return null;
    const key = this.#parts.store.find(fingerprintOf(blob));
    return key === null || (key.expiresAt !== null && key.expiresAt <= this.#parts.clock()) ? null : key;
  }
}

function conflict(message: string): SluiceError {
  return new SluiceError('conflict', message, {
    decider: 'gateway',
    next: [{ command: 'sluice ssh keys list', when: 'to see your keys' }],
  });
}
