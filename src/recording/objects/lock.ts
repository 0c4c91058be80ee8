import type { S3Client } from '@aws-sdk/client-s3';
import { SluiceError } from '../../lib/errors.js';
import type { S3Options } from './s3.js';

type Sdk = typeof import('@aws-sdk/client-s3');
type Lock = NonNullable<S3Options['lock']>;
interface Key {
  readonly Bucket: string;
  readonly Key: string;
}
/** What an object shows of its lock. */
interface Found {
  readonly mode: string | undefined;
  readonly until: Date | undefined;
}

const dayMs = 86_400_000;
/** Stores keep whole seconds. */
const toleranceMs = 1000;
/** What says nothing about the bucket: whoever may not ask can still be told by what was stored. */
const unknown: readonly string[] = ['AccessDenied', 'Forbidden'];

/**
 * Object lock that was asked for and is not there protects nothing, and most servers that lack it take the request all the
 * same. So the bucket is asked before anything goes up, and each object afterwards.
 */
export class ObjectLock {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #lock: Lock;
  #isOffered = false;

  constructor(sdk: Sdk, client: S3Client, bucket: string, lock: Lock) {
    this.#sdk = sdk;
    this.#client = client;
    this.#bucket = bucket;
    this.#lock = lock;
  }

  /** What a request to store carries. A store takes a lock only with a checksum. */
  request(now: number) {
    return {
      ObjectLockMode: this.#lock.mode,
      ObjectLockRetainUntilDate: new Date(now + this.#lock.days * dayMs),
      ChecksumAlgorithm: 'SHA256' as const,
    };
  }

  /** Throws when the bucket says that it has no object lock. */
  async requireOffered(): Promise<void> {
    if (this.#isOffered) return;
    const enabled = await this.#askBucket();
    if (enabled === false) {
      throw refusal(
        `the bucket ${this.#bucket} offers no object lock, which recordings.objects.lock asks for; ` +
          'nothing is stored there. Create a bucket with object lock, or remove lock from the configuration',
      );
    }
    this.#isOffered = true;
  }

  /**
   * Throws when the object is not locked for as long as was asked for at `now`. Ceph forgets the lock of an upload in
   * parts, so one that is missing is asked for once more, on what was stored.
   */
  async requireLocked(key: Key, now: number): Promise<void> {
    const found = await this.#lockOf(key);
    if (this.#isEnough(found, now)) return;
    const { ObjectLockMode: wanted, ObjectLockRetainUntilDate: RetainUntilDate, ChecksumAlgorithm } = this.request(now);
    // COMPLIANCE is the stronger one: nobody can turn it into the other, but it can be made longer.
    const Mode = found.mode === 'COMPLIANCE' ? found.mode : wanted;
    const retention = { ...key, Retention: { Mode, RetainUntilDate }, ChecksumAlgorithm };
    await this.#client.send(new this.#sdk.PutObjectRetentionCommand(retention));
    if (this.#isEnough(await this.#lockOf(key), now)) return;
    throw refusal(
      `the bucket ${this.#bucket} took ${key.Key} without the lock that was asked for (${this.#lock.mode}, ` +
        `${this.#lock.days} days), or does not show it: the gateway's key needs s3:PutObjectRetention and ` +
        's3:GetObjectRetention',
    );
  }

  async #lockOf(key: Key): Promise<Found> {
    const { ObjectLockMode: mode, ObjectLockRetainUntilDate: until } = await this.#client.send(
      new this.#sdk.HeadObjectCommand(key),
    );
    return { mode, until };
  }

  #isEnough({ mode, until }: Found, now: number): boolean {
    const isMode = mode === this.#lock.mode || mode === 'COMPLIANCE';
    return isMode && until !== undefined && until.getTime() >= now + this.#lock.days * dayMs - toleranceMs;
  }

  /** Null when the answer does not say. */
  async #askBucket(): Promise<boolean | null> {
    try {
      const { ObjectLockConfiguration: found } = await this.#client.send(
        new this.#sdk.GetObjectLockConfigurationCommand({ Bucket: this.#bucket }),
      );
      return found?.ObjectLockEnabled === 'Enabled';
    } catch (error) {
      if (!(error instanceof this.#sdk.S3ServiceException)) throw error;
      if (unknown.includes(error.name)) return null;
      // 404 and 501 are how servers say that there is none; anything else may be over in a moment.
      if (error.$metadata.httpStatusCode === 404 || error.$metadata.httpStatusCode === 501) {
        if (error.name === 'NoSuchBucket') throw error;
        return false;
      }
      throw error;
    }
  }
}

function refusal(message: string): SluiceError {
  return new SluiceError('config_invalid', message, { decider: 'gateway' });
}
