import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import { isSluiceError, SluiceError } from '../../lib/errors.js';
import type { Principal } from '../../policy/types.js';
import type { OutcomeStore } from '../../store/ports.js';
import { seal, unseal } from '../../vault/seal.js';
import { errorDocumentOf } from '../http-errors.js';
import { type ExecDocument, execDocument } from '../schemas/exec.js';

export interface Keyed {
  readonly principal: Principal;
  readonly key: string;
  /** Everything that makes the input what it is. */
  readonly input: unknown;
  /** What the outcome was decided on: an answer given on another shows nothing any more. */
  readonly basis: string;
}
/** What running came to, and whether anything may have happened at the target. */
export interface Ran {
  readonly outcome: ExecDocument | SluiceError;
  readonly forwarded: boolean;
}
interface Recorded {
  readonly basis: string;
  readonly document: ExecDocument | null;
  readonly error: ReturnType<typeof errorDocumentOf>['error'] | null;
}

const keptMs = 24 * 60 * 60_000;
const maxKeysEach = 1_000;

/**
 * Runs what a caller named by a key exactly once: the key is claimed on disk before anything runs, and whoever comes
 * with it again, now or after a restart, gets what came of it. Where nothing reached the target the key is free again.
 */
export class Idempotency {
  readonly #store: OutcomeStore;
  readonly #sealingKey: KeyObject;
  readonly #clock: () => number;
  readonly #running = new Map<string, Promise<ExecDocument | SluiceError>>();

  constructor(store: OutcomeStore, key: Buffer, clock: () => number) {
    this.#store = store;
    this.#sealingKey = createSecretKey(key);
    this.#clock = clock;
  }

  async run(keyed: Keyed, work: () => Promise<Ran>): Promise<ExecDocument> {
    const { principal, key } = keyed;
    const name = `${principal.id}\0${key}`;
    const digest = createHash('sha256').update(JSON.stringify(keyed.input)).digest('hex');
    this.#store.prune(this.#clock() - keptMs);
    const standing = this.#store.claim(principal.id, key, digest, this.#clock());
    if (standing !== null) {
      if (standing.digest !== digest) throw otherInput(key);
      const running = this.#running.get(name);
      if (running !== undefined) return replayed(await running);
      if (standing.sealed === null) throw cutOff(key);
      return this.#recorded(name, standing.sealed, keyed.basis);
    }
    if (this.#store.count(principal.id) > maxKeysEach) {
      this.#store.release(principal.id, key);
      throw tooMany();
    }
    const running = this.#perform(name, keyed, work);
    this.#running.set(name, running);
    try {
      const outcome = await running;
      if (outcome instanceof SluiceError) throw outcome;
      return outcome;
    } finally {
      this.#running.delete(name);
    }
  }

  /** Never rejects: whoever waits for the same key must hear the same. */
  async #perform(name: string, keyed: Keyed, work: () => Promise<Ran>): Promise<ExecDocument | SluiceError> {
    const { principal, key, basis } = keyed;
    try {
      const { outcome, forwarded } = await work();
      const isError = outcome instanceof SluiceError;
      if (isError && !forwarded) this.#store.release(principal.id, key);
      else {
        const recorded: Recorded = isError
          ? { basis, document: null, error: errorDocumentOf(outcome).error }
          : { basis, document: outcome, error: null };
        this.#store.settle(principal.id, key, seal(this.#sealingKey, name, Buffer.from(JSON.stringify(recorded))));
      }
      return outcome;
    } catch (cause) {
      // The key stays claimed: what cannot be written down must not be run again.
      return isSluiceError(cause) ? cause : new SluiceError('unexpected', 'the outcome could not be kept', { cause });
    }
  }

  #recorded(name: string, sealed: Buffer, basis: string): ExecDocument {
    const plaintext = unseal(this.#sealingKey, name, sealed);
    if (plaintext === null) throw new SluiceError('unavailable', 'the recorded outcome cannot be opened');
    const { document, error, basis: then } = JSON.parse(plaintext.toString('utf8')) as Recorded;
    if (error !== null) {
      throw new SluiceError(error.code as SluiceError['code'], error.message, {
        decider: error.decider,
        policy: error.policy,
        targetCode: error.target_code,
        targetContacted: error.target_contacted ?? null,
        requestId: error.request_id,
        // The key has been spent on it.
        retryable: false,
        next: error.next,
      });
    }
    const whole = execDocument.parse(document);
    // What was masked then may not be enough now.
    return replayed(then === basis ? whole : withoutValues(whole));
  }
}

function withoutValues(outcome: ExecDocument): ExecDocument {
  const { rows, stdout, stderr } = outcome;
  const silent = (text: string | null): string | null => (text === null ? null : '');
  const truncated = outcome.truncated || rows.length > 0 || [stdout, stderr].some((text) => (text ?? '') !== '');
  return { ...outcome, rows: [], stdout: silent(stdout), stderr: silent(stderr), truncated };
}

function replayed(outcome: ExecDocument | SluiceError): ExecDocument {
  if (outcome instanceof SluiceError) throw outcome;
  return { ...outcome, next_cursor: null, replayed: true };
}

function otherInput(key: string): SluiceError {
  return new SluiceError('conflict', `idempotency key ${JSON.stringify(key)} was used with other input`, {
    decider: 'gateway',
    retryable: false,
    next: [{ command: 'sluice exec … --idempotency-key OTHER', when: 'to run this as well' }],
  });
}

function cutOff(key: string): SluiceError {
  return new SluiceError(
    'conflict',
    `the first call with idempotency key ${JSON.stringify(key)} was cut off when the gateway ended: it may have run`,
    {
      decider: 'gateway',
      retryable: false,
      next: [{ command: 'sluice sessions list --state interrupted', when: 'to see in its recording how far it came' }],
    },
  );
}

function tooMany(): SluiceError {
  return new SluiceError('unavailable', `you have used ${maxKeysEach} idempotency keys within a day`, {
    decider: 'gateway',
    retryable: true,
  });
}
