import type { CreateMultipartUploadCommandInput, S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { isSluiceError, messageOf, SluiceError } from '../../lib/errors.js';
import { ObjectLock } from './lock.js';
import type { ObjectContent, ObjectStore } from './store.js';

/** Larger objects go up in parts of this size; S3 takes at most 10,000 of them. */
const partBytes = 16 * 1024 * 1024;
const connectMs = 5000;
const requestMs = 60_000;

export interface S3Options {
  readonly bucket: string;
  /** Before every key, with its own slash at the end; '' for none. */
  readonly prefix: string;
  readonly region: string;
  /** Of a server other than Amazon's; null for Amazon's. */
  readonly endpoint: string | null;
  /** The bucket in the path rather than in the host's name. */
  readonly pathStyle: boolean;
  /** Null: where the AWS SDK finds them (environment, profile, instance, workload identity). */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  /** Object lock, in a bucket that must have it: nobody removes or replaces what is stored for so many days. */
  readonly lock: { readonly mode: 'COMPLIANCE' | 'GOVERNANCE'; readonly days: number } | null;
}

type Sdk = typeof import('@aws-sdk/client-s3');

/** Object storage that speaks S3. The SDK is only loaded by a gateway that is configured for it. */
export async function openS3(options: S3Options, clock: () => number = Date.now): Promise<ObjectStore> {
  let sdk: Sdk;
  try {
    sdk = await import('@aws-sdk/client-s3');
  } catch (cause) {
    throw new SluiceError('config_invalid', 'object storage needs the package @aws-sdk/client-s3', {
      decider: 'local',
      next: [{ command: 'npm install @aws-sdk/client-s3', when: 'beside sluice' }],
      cause,
    });
  }
  return new S3Store(sdk, new sdk.S3Client(configOf(options)), options, clock);
}

function configOf({ region, endpoint, pathStyle, credentials }: S3Options): S3ClientConfig {
  return {
    region,
    forcePathStyle: pathStyle,
    maxAttempts: 2, // the archive tries again by itself
    // Other servers than Amazon's may not know checksums in trailers; what was stored is read back anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: connectMs, requestTimeout: requestMs },
    ...(endpoint === null ? {} : { endpoint }),
    ...(credentials === null ? {} : { credentials }),
  };
}

class S3Store implements ObjectStore {
  readonly name: string;
  readonly lock: string | null;
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #options: S3Options;
  readonly #clock: () => number;
  readonly #lock: ObjectLock | null;

  constructor(sdk: Sdk, client: S3Client, options: S3Options, clock: () => number) {
    this.#sdk = sdk;
    this.#client = client;
    this.#options = options;
    this.#clock = clock;
    this.#lock = options.lock === null ? null : new ObjectLock(sdk, client, options.bucket, options.lock);
    this.name = `bucket ${options.bucket}`;
    this.lock = options.lock === null ? null : `${options.lock.mode} ${options.lock.days}`;
  }

  async put(key: string, content: ObjectContent): Promise<void> {
    await this.#lock?.requireOffered();
    const now = this.#clock();
    const to = { ...this.#at(key), ...this.#lock?.request(now) };
    if (content.bytes > partBytes) await this.#putParts(to, content);
    else {
      const [body = Buffer.alloc(0)] = await collectParts(content.chunks());
      await this.#client.send(new this.#sdk.PutObjectCommand({ ...to, Body: body, ContentLength: body.length }));
    }
    await this.#lock?.requireLocked(this.#at(key), now);
  }

  async get(key: string): Promise<AsyncIterable<Uint8Array> | null> {
    try {
      const { Body: body } = await this.#client.send(new this.#sdk.GetObjectCommand(this.#at(key)));
      return body === undefined ? null : (body as unknown as AsyncIterable<Uint8Array>); // a Readable, in Node
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async protect(key: string): Promise<boolean> {
    try {
      await this.#lock?.requireOffered();
      await this.#lock?.requireLocked(this.#at(key), this.#clock());
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async remove(key: string): Promise<void> {
    await this.#client.send(new this.#sdk.DeleteObjectCommand(this.#at(key)));
  }

  close(): void {
    this.#client.destroy();
  }

  async #putParts(to: CreateMultipartUploadCommandInput, content: ObjectContent): Promise<void> {
    const at = { Bucket: to.Bucket, Key: to.Key };
    const { UploadId: upload } = await this.#client.send(new this.#sdk.CreateMultipartUploadCommand(to));
    try {
      const parts: { PartNumber: number; ETag: string | undefined }[] = [];
      for await (const body of partsOf(content.chunks())) {
        const number = parts.length + 1;
        const part = { ...at, UploadId: upload, PartNumber: number, Body: body, ContentLength: body.length };
        const { ETag: tag } = await this.#client.send(new this.#sdk.UploadPartCommand(part));
        parts.push({ PartNumber: number, ETag: tag });
      }
      const whole = { ...at, UploadId: upload, MultipartUpload: { Parts: parts } };
      await this.#client.send(new this.#sdk.CompleteMultipartUploadCommand(whole));
    } catch (error) {
      const abort = new this.#sdk.AbortMultipartUploadCommand({ ...at, UploadId: upload });
      await this.#client.send(abort).catch(() => undefined); // the bucket's rules remove what is left
      throw error;
    }
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#options.bucket, Key: `${this.#options.prefix}${key}` };
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error.name === 'NoSuchKey' || error.name === 'NotFound');
}

async function collectParts(chunks: AsyncIterable<Uint8Array>): Promise<readonly Buffer[]> {
  const parts: Buffer[] = [];
  for await (const part of partsOf(chunks)) parts.push(part);
  return parts;
}

/** The same bytes in parts of equal size, but for the last. */
async function* partsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    held.push(chunk);
    bytes += chunk.length;
    while (bytes >= partBytes) {
      const all = Buffer.concat(held);
      yield all.subarray(0, partBytes);
      held = [all.subarray(partBytes)];
      bytes -= partBytes;
    }
  }
  if (bytes > 0) yield Buffer.concat(held);
}

/** What an object store's error says, without the SDK's request and response. */
export function storeFailure(error: unknown): string {
  if (!(error instanceof Error) || isSluiceError(error)) return messageOf(error);
  return error.message === '' || error.message === 'UnknownError' ? error.name : `${error.name}: ${error.message}`;
}
