import type { Duplex } from 'node:stream';
import type { VerifiedToken } from '../identity/types.js';
import { SluiceError } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { RelayRules } from '../policy/relays.js';
import type { Principal } from '../policy/types.js';
import { nameOf, type Wanted } from '../relay/frames.js';
import { RelayLink, StreamRefusal } from '../relay/link.js';
import type { Audit } from './audit.js';
import type { Caller } from './callers.js';

export interface RelaysParts {
  readonly clock: () => number;
  readonly audit: Pick<Audit, 'record'>;
  /** Which relays there are, and which groups may serve them, at this moment. */
  readonly rules: () => RelayRules;
  readonly refresh: (principal: Principal) => Principal;
  readonly identify: (token: string) => Promise<Caller>;
  readonly onProblem: (message: string, error: unknown) => void;
  /** How long a relay may take to say whether it connects. */
  readonly openTimeoutMs?: number;
}

/** Where a relay's connection came from. */
export interface RelayOrigin {
  readonly address: string;
  readonly version: string;
}

/** One connection of a relay, as `relays list` shows it. */
export interface RelayConnection {
  readonly id: string;
  readonly machine: string;
  readonly address: string;
  readonly version: string;
  readonly since: number;
  readonly streams: number;
  readonly bytes: number;
}

interface Entry {
  readonly id: string;
  readonly name: string;
  readonly link: RelayLink;
  readonly origin: RelayOrigin;
  readonly principal: Principal;
  readonly since: number;
  expiresAt: number;
  timer: NodeJS.Timeout | null;
}

/** More connections under one name are a loop that went wrong. */
const maxConnections = 8;
/** A little longer than a relay itself waits for a target. */
const defaultOpenTimeoutMs = 12_000;
const longestTimerMs = 2_147_483_647;

/**
 * The relays that are connected. Several may serve one name: the newest takes new connections, the others stay for those
 * they carry and take over when the newest is lost.
 */
export class Relays {
  readonly #parts: RelaysParts;
  /** Newest last. */
  readonly #entries: Entry[] = [];

  constructor(parts: RelaysParts) {
    this.#parts = parts;
  }

  /** Connections of relays, and the streams they carry. */
  get counts(): { readonly connections: number; readonly streams: number } {
    return {
      connections: this.#entries.length,
      streams: this.#entries.reduce((sum, { link }) => sum + link.streams, 0),
    };
  }

  connectionsOf(name: string): readonly RelayConnection[] {
    return this.#entries
      .filter((entry) => entry.name === name)
      .map(({ id, principal, origin, since, link }) => ({
        ...{ id, machine: principal.name, address: origin.address, version: origin.version, since },
        ...{ streams: link.streams, bytes: link.bytes },
      }));
  }

  /** Throws unless this caller may serve this relay now. A name that is not configured looks the same as one that is another's. */
  admit(name: string, principal: Principal): void {
    const reason = this.#refusal(name, principal);
    if (reason !== null) {
      this.#parts.audit.record(principal, 'relay.refused', name, { reason }, 'refused');
      throw new SluiceError('denied', reason, {
        decider: 'gateway',
        next: [
          {
            command: 'sluice whoami',
            when: 'to see the groups of this login; `relays` in targets.yaml says which may serve',
          },
        ],
      });
    }
    if (this.connectionsOf(name).length >= maxConnections)
      throw new SluiceError('conflict', `${maxConnections} connections serve relay ${JSON.stringify(name)} already`, {
        decider: 'gateway',
        next: [{ command: 'sluice relays list', when: 'to see them' }],
      });
  }

  /** Serves a connection until it ends. */
  async serve(name: string, { principal, token }: Caller, origin: RelayOrigin, transport: Duplex): Promise<void> {
    const entry: Entry = {
      ...{ id: newId('rly'), name, origin, principal, since: this.#parts.clock() },
      ...{ expiresAt: token.expiresAt, timer: null },
      link: new RelayLink({
        side: 'gateway',
        transport,
        onLogin: (fresh) => void this.#renew(entry, fresh),
        lost: (why) => lostError(name, why),
      }),
    };
    this.#entries.push(entry);
    this.#expireLater(entry);
    this.#tell('relay.connected', entry, { address: origin.address, version: origin.version });
    await entry.link.closed;
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    if (entry.timer !== null) clearTimeout(entry.timer);
    this.#tell('relay.lost', entry, { reason: entry.link.end?.message ?? '' });
  }

  /** A connection to a target by way of a relay, or the stream of a program that it runs; bytes pass as they are. */
  async connect(name: string, target: string, wanted: Wanted, signal: AbortSignal): Promise<Duplex> {
    const entry = this.#entries.findLast((each) => each.name === name && !each.link.isClosing);
    if (entry === undefined) throw awayError(name, target, wanted);
    const late = AbortSignal.timeout(this.#parts.openTimeoutMs ?? defaultOpenTimeoutMs);
    try {
      return await entry.link.open(wanted, AbortSignal.any([signal, late]));
    } catch (error) {
      if (error instanceof StreamRefusal) throw refusedError(name, target, wanted, error);
      if (signal.aborted) throw error;
      if (late.aborted) throw lateError(name, target);
      throw lostError(name, error instanceof Error ? error : null);
    }
  }

  /** Ends connections of those who may not serve any longer. */
  endRefused(): number {
    const refused = this.#entries.filter(
      ({ name, principal }) => this.#refusal(name, this.#parts.refresh(principal)) !== null,
    );
    for (const { link } of refused) link.destroy(new Error('it may not serve this relay any longer'));
    return refused.length;
  }

  /** Ends them all: the gateway closes, and its sessions are over. */
  close(): void {
    for (const { link } of [...this.#entries]) {
      link.sayGoodbye('the gateway is shutting down');
      link.destroy(new Error('the gateway is shutting down'));
    }
  }

  /** Machines in one of its groups serve a relay; a person's login, or a machine that acts for one, never does. */
  #refusal(name: string, principal: Principal): string | null {
    const groups = this.#parts.rules().get(name);
    if (groups === undefined || !groups.some((group) => principal.groups.includes(group)))
      return `this login may not serve a relay ${JSON.stringify(name)}`;
    if (principal.kind !== 'machine' || principal.onBehalfOf !== undefined)
      return 'a relay is served by a machine with a login of its own';
    return null;
  }

  /** A relay's login may be taken from it: it stays only as long as it can show a fresh one. */
  async #renew(entry: Entry, token: string): Promise<void> {
    try {
      const { principal, token: fresh }: { principal: Principal; token: VerifiedToken } =
        await this.#parts.identify(token);
      if (principal.id !== entry.principal.id)
        throw new SluiceError('denied', 'it showed the login of another machine');
      const reason = this.#refusal(entry.name, principal);
      if (reason !== null) throw new SluiceError('denied', reason);
      entry.expiresAt = fresh.expiresAt;
      this.#expireLater(entry);
    } catch (error) {
      entry.link.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #expireLater(entry: Entry): void {
    if (entry.timer !== null) clearTimeout(entry.timer);
    const leftMs = Math.min(Math.max(0, entry.expiresAt - this.#parts.clock()), longestTimerMs);
    entry.timer = setTimeout(() => entry.link.destroy(new Error('its login has expired')), leftMs);
    entry.timer.unref();
  }

  #tell(action: 'relay.connected' | 'relay.lost', entry: Entry, detail: Readonly<Record<string, string>>): void {
    try {
      this.#parts.audit.record(entry.principal, action, entry.name, { connection: entry.id, ...detail });
    } catch (error) {
      // What is not on the trail does not serve.
      this.#parts.onProblem('a relay could not be written to the audit trail', error);
      entry.link.destroy(new Error('the gateway cannot write its audit trail'));
    }
  }
}

const toList = { command: 'sluice relays list', when: 'to see which relays are connected' };

function awayError(name: string, target: string, wanted: Wanted): SluiceError {
  return new SluiceError('unavailable', `relay "${name}", by which ${target} is reached, is not connected`, {
    decider: 'network',
    retryable: true,
    next: [
      toList,
      { command: `sluice relay ${name} --allow ${nameOf(wanted)}`, when: 'on a machine of its network, to start it' },
    ],
  });
}

function lateError(name: string, target: string): SluiceError {
  return new SluiceError('target_unreachable', `relay "${name}" did not say in time whether it reaches ${target}`, {
    decider: 'network',
    retryable: true,
    next: [toList],
  });
}

function lostError(name: string, why: Error | null): SluiceError {
  return new SluiceError('target_unreachable', `the connection to relay "${name}" was lost`, {
    decider: 'network',
    retryable: true,
    cause: why,
    next: [toList],
  });
}

function refusedError(name: string, target: string, wanted: Wanted, { reason, text }: StreamRefusal): SluiceError {
  switch (reason) {
    case 'not allowed':
      return new SluiceError('target_unreachable', `relay "${name}" does not connect to ${target}: ${text}`, {
        decider: 'network',
        next: [{ command: `sluice relay ${name} --allow ${nameOf(wanted)}`, when: 'on the relay, to allow it' }],
      });
    case 'failed':
      return new SluiceError('target_unreachable', `relay "${name}" cannot reach ${target}: ${text}`, {
        decider: 'network',
        retryable: true,
        next: [{ command: `sluice describe ${target}`, when: 'to see whether it is online' }],
      });
    case 'busy':
      return new SluiceError('unavailable', `relay "${name}" is busy: ${text}`, {
        decider: 'network',
        retryable: true,
        next: [toList],
      });
  }
}
