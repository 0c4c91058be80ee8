import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';
import type { S3Options } from '../../src/recording/objects/s3.js';

const bucket = 'recordings';
const bodySuffix = '._S3rver_object';

/** A real S3-compatible server with one bucket, on a port and in a folder of its own. */
export class ObjectServer {
  readonly #dir: string;
  #server: S3rver | null = null;
  #port = 0;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async start(): Promise<ObjectServer> {
    const server = new ObjectServer(await mkdtemp(join(tmpdir(), 'sluice-objects-')));
    await server.resume();
    return server;
  }

  /** How a gateway reaches it; through `port` when something stands in between. */
  options(port = this.#port): S3Options {
    return {
      ...{ bucket, prefix: 'gw/', region: 'us-east-1', endpoint: `http://127.0.0.1:${port}`, pathStyle: true },
      credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
      lock: null,
    };
  }

  get port(): number {
    return this.#port;
  }

  /** Starts again on the same port with what it held. */
  async resume(): Promise<void> {
    this.#server = new S3rver({
      ...{ address: '127.0.0.1', port: this.#port, directory: this.#dir, silent: true },
      configureBuckets: [{ name: bucket, configs: [] }],
    });
    this.#port = (await this.#server.run()).port;
  }

  async pause(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
  }

  async stop(): Promise<void> {
    await this.pause();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** Every key, without the prefix. */
  async keys(): Promise<string[]> {
    const files = await readdir(join(this.#dir, bucket), { recursive: true });
    return files
      .filter((file) => file.endsWith(bodySuffix))
      .map((file) => file.slice('gw/'.length, -bodySuffix.length))
      .sort();
  }

  read(key: string): Promise<Buffer> {
    return readFile(this.#file(key));
  }

  /** Changes what it holds, as a failing disk would. */
  async corrupt(key: string): Promise<void> {
    const bytes = await this.read(key);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
    await writeFile(this.#file(key), bytes);
  }

  #file(key: string): string {
    return join(this.#dir, bucket, 'gw', `${key}${bodySuffix}`);
  }
}
