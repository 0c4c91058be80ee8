import { connect } from 'node:net';
import type { RelayRoute } from '../sessions/types.js';
import { within } from './deadline.js';

export type TargetStatus = 'online' | 'offline' | 'unknown';

export interface Dialled {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** By which it is reached; absent: from here. */
  readonly relay?: RelayRoute;
}

interface Known {
  status: TargetStatus;
  checkedAt: number;
  running: Promise<TargetStatus> | null;
}

const freshMs = 5_000;
const dialTimeoutMs = 2_000;
const maxDials = 8;

/** Says whether targets answer, by a TCP dial that is remembered for five seconds and shared by all who ask. */
export class TargetStatuses {
  readonly #known = new Map<string, Known>();
  readonly #clock: () => number;
  #dials = 0;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** What is known, waiting at most `waitMs` for a dial when nothing fresh is. */
  async of(target: Dialled, waitMs: number): Promise<TargetStatus> {
    // A program has no address: what its relay says of it is said of no other.
    const at = target.host === '' ? target.name : `${target.host}:${target.port}`;
    const key = `${target.relay?.name ?? ''} ${at}`;
    const known = this.#known.get(key) ?? { status: 'unknown', checkedAt: Number.NEGATIVE_INFINITY, running: null };
    this.#known.set(key, known);
    if (this.#clock() - known.checkedAt < freshMs) return known.status;
    if (known.running === null) {
      // Past the limit the old answer stands: a list of a thousand targets must not become a port scan.
      if (this.#dials >= maxDials) return known.status;
      known.running = this.#dial(target).then((status) => {
        known.status = status;
        known.checkedAt = this.#clock();
        known.running = null;
        return status;
      });
    }
    if (waitMs === 0) return known.status;
    return await within(known.running, waitMs, known.status);
  }

  async #dial(target: Dialled): Promise<TargetStatus> {
    this.#dials += 1;
    const dialled = target.relay === undefined ? dialHere(target) : dialThrough(target.relay);
    return dialled.finally(() => {
      this.#dials -= 1;
    });
  }
}

async function dialThrough(relay: RelayRoute): Promise<TargetStatus> {
  try {
    (await relay.connect(AbortSignal.timeout(dialTimeoutMs))).destroy();
    return 'online';
  } catch {
    // What is wrong is told to who connects; here it is one word of a list.
    return 'offline';
  }
}

function dialHere(target: Dialled): Promise<TargetStatus> {
  if (target.host === '') return Promise.resolve('online'); // a program that the gateway itself runs
  return new Promise<TargetStatus>((resolve) => {
    const socket = connect({ host: target.host, port: target.port, timeout: dialTimeoutMs });
    const settle = (status: TargetStatus): void => {
      socket.destroy();
      resolve(status);
    };
    socket.once('connect', () => settle('online'));
    socket.once('timeout', () => settle('offline'));
    socket.once('error', () => settle('offline'));
  });
}
