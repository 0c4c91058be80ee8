import { fork, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Keyring } from './credentials.js';

/** One question to the process that holds the keyring. */
export interface KeyringCall {
  readonly id: number;
  readonly verb: 'get' | 'set' | 'delete';
  readonly account: string;
  readonly secret: string | null;
}

export interface KeyringAnswer {
  readonly id: number;
  readonly value: string | null;
  readonly error: string | null;
}

/**
 * The system's keyring, in a process of its own. A locked one can keep a native call waiting for a dialog that nobody sees,
 * and Node cannot leave while a native call waits: only a process that is killed leaves it.
 */
export function openKeyringProcess(): Keyring {
  const waiting = new Map<number, { resolve: (value: string | null) => void; reject: (error: Error) => void }>();
  const child = start();
  const fail = (error: Error): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  child.on('error', fail);
  child.on('exit', () => fail(new Error('the keyring’s process ended')));
  child.on('message', ({ id, value, error }: KeyringAnswer) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) child.channel?.unref();
    if (error === null) call?.resolve(value);
    else call?.reject(new Error(error));
  });
  let next = 0;
  const ask = (verb: KeyringCall['verb'], account: string, secret: string | null): Promise<string | null> =>
    new Promise((resolve, reject) => {
      if (!child.connected) return reject(new Error('the keyring’s process ended'));
      const id = next++;
      waiting.set(id, { resolve, reject });
      child.channel?.ref();
      child.send({ id, verb, account, secret } satisfies KeyringCall, (error) => {
        if (error !== null) reject(error);
      });
    });
  return {
    get: (account) => ask('get', account, null),
    set: async (account, secret) => void (await ask('set', account, secret)),
    delete: async (account) => void (await ask('delete', account, null)),
    giveUp: () => void child.kill('SIGKILL'),
  };
}

/** Neither the process nor its channel keeps ours alive; it ends when ours does. */
function start(): ChildProcess {
  const source = import.meta.url.endsWith('.ts'); // development and tests
  const worker = new URL(`keyring-worker.${source ? 'ts' : 'js'}`, import.meta.url);
  const loader = source ? pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href : null;
  const child = fork(fileURLToPath(worker), [], {
    execArgv: loader === null ? [] : ['--import', loader],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.unref();
  child.channel?.unref();
  return child;
}
