import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { withFileLock } from '../client/file-lock.js';
import { parseObject } from '../client/error-document.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import { readIfPresent, systemCode, writePrivate } from '../lib/private-files.js';
import { findPortHolder } from './port-holder.js';

const firstPort = 15_000;
const portCount = 5000;
const lockWaitMs = 10_000;
/** Connections that may wait to be accepted: a pool that opens hundreds at once must not be turned away. */
const backlog = 4096;

/** Where the search for a tunnel's port begins: the same on every machine. */
export function preferredPort(profile: string, target: string): number {
  return firstPort + (createHash('sha256').update(`${profile}\0${target}`).digest().readUInt32BE(0) % portCount);
}

export interface StablePortOptions {
  readonly stateDir: string;
  readonly profile: string;
  readonly target: string;
}

/**
 * Listens on the port of this profile and target. The first time it is the preferred one or the next free; from then on it
 * is that port and no other, since the user's tools have it saved.
 */
export async function listenOnStablePort(
  server: Server,
  { stateDir, profile, target }: StablePortOptions,
): Promise<number> {
  const file = join(stateDir, 'ports.json');
  return withFileLock(`${file}.lock`, lockWaitMs, async () => {
    const known = readPorts(file);
    const key = `${profile}/${target}`;
    const remembered = known.get(key);
    if (remembered !== undefined) return listenOnPort(server, remembered);
    const taken = new Set(known.values());
    for (let step = 0; step < portCount; step += 1) {
      const port = firstPort + ((preferredPort(profile, target) - firstPort + step) % portCount);
      if (taken.has(port) || !(await isFree(port))) continue;
      const got = await listenOnPort(server, port);
      writePrivate(file, `${JSON.stringify(Object.fromEntries(known.set(key, got)), null, 2)}\n`);
      return got;
    }
    throw new SluiceError('local', `No port between ${firstPort} and ${firstPort + portCount - 1} is free`, {
      decider: 'local',
    });
  });
}

/** Listens on one port of 127.0.0.1 (0: any free one); a busy one is an error that names who has it. */
export async function listenOnPort(server: Server, port: number): Promise<number> {
  try {
    await listen(server, port);
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') {
      const holder = await findPortHolder(port);
      throw new SluiceError('local', `Port ${port} is in use${holder === null ? '' : ` by ${holder}`}`, {
        decider: 'local',
        next: [
          { command: 'sluice tunnels', when: 'to see whether a tunnel of yours has it' },
          { command: 'sluice connect TARGET --port 0', when: 'to use any free port' },
        ],
        cause: error,
      });
    }
    throw new SluiceError('local', `Cannot listen on port ${port}: ${messageOf(error)}`, {
      decider: 'local',
      cause: error,
    });
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on no port');
  return address.port;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true, backlog }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await listen(probe, port);
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => probe.close(resolve));
  }
}

/** Every port that is remembered, by profile and target. */
export function readRememberedPorts(stateDir: string): ReadonlyMap<string, number> {
  return readPorts(join(stateDir, 'ports.json'));
}

function readPorts(file: string): Map<string, number> {
  const document = parseObject(readIfPresent(file) ?? '{}') ?? {};
  const entries = Object.entries(document).filter((entry): entry is [string, number] => Number.isInteger(entry[1]));
  return new Map(entries);
}
