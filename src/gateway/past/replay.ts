import { setImmediate } from 'node:timers/promises';
import { SluiceError } from '../../lib/errors.js';
import { loadBundle } from '../../policy/bundle.js';
import { type CompiledPolicies, compilePolicies } from '../../policy/decide.js';
import type { Decision, TargetRef } from '../../policy/types.js';
import type { GatewayRecorder } from '../../recording/types.js';
import { invalidBundle } from '../bundle-errors.js';
import type { ActiveConfiguration, Configuration } from '../configuration.js';
import type { Engines } from '../engines.js';
import { recoverEffects, type RecoveredEffects } from './recorded-effects.js';
import { type RecordedOperation, recordedOperations, recordedPrincipal } from './recorded-operations.js';

/** One difference: what the bundle in force says of an operation, and what the replayed one would. */
export interface Difference {
  readonly user: string;
  readonly target: string;
  readonly text: string;
  readonly recorded: Decision['verdict'];
  readonly inForce: Decision['verdict'];
  readonly working: Decision['verdict'];
  readonly policies: readonly string[];
  readonly message: string;
  /** Only policies in shadow mode say so: `working` is what they would make of it. */
  readonly shadow: boolean;
  /** The effects' facts were not known: the answer may be another for the real operation. */
  readonly approximate: boolean;
  /** The last one of these. */
  readonly session: string;
  readonly op: number;
  readonly count: number;
}

export interface ReplayReport {
  readonly version: string;
  readonly sessions: number;
  readonly operations: number;
  /** Operations that could not be judged again: no effects were recorded, or none that can be read. */
  readonly skipped: number;
  readonly approximate: number;
  /** Judged by the bundle in force, these answer otherwise than was recorded: policy changed since, or facts are lost. */
  readonly changedSince: number;
  readonly changed: number;
  /** Operations that only policies in shadow mode would decide otherwise. */
  readonly shadowed: number;
  readonly differences: readonly Difference[];
  /** A limit was reached before `since`. */
  readonly truncated: boolean;
  /** Column classes differ: effects were read by the classification in force. */
  readonly classificationDiffers: boolean;
}

export interface ReplayOrder {
  readonly files: ReadonlyMap<string, string>;
  readonly since: number;
  readonly target?: string | undefined;
  readonly user?: string | undefined;
  readonly signal: AbortSignal;
}

export interface ReplayParts {
  readonly recorder: GatewayRecorder;
  readonly configuration: ActiveConfiguration;
  readonly engines: Engines;
}

const maxOperations = 200_000;
const maxDifferences = 500;
const page = 200;
/** Judging is synchronous: after so many, others have their turn. */
const turn = 20;

/** Judges recorded traffic by a bundle that is not in force. One at a time, in turns with the gateway's real work. */
export class PolicyReplay {
  readonly #parts: ReplayParts;
  #isRunning = false;

  constructor(parts: ReplayParts) {
    this.#parts = parts;
  }

  async run(order: ReplayOrder): Promise<ReplayReport> {
    if (this.#isRunning)
      throw new SluiceError('unavailable', 'another replay is running; try again when it has ended', {
        retryable: true,
      });
    this.#isRunning = true;
    try {
      return await this.#run(order);
    } finally {
      this.#isRunning = false;
    }
  }

  async #run({ files, since, target, user, signal }: ReplayOrder): Promise<ReplayReport> {
    const loaded = loadBundle(files);
    if (!loaded.ok) throw invalidBundle(loaded.problems);
    const inForce = this.#parts.configuration.current();
    const tally = new Tally(loaded.bundle.version, loaded.bundle.classification, inForce);
    const clock = { now: 0 };
    const now = (): number => clock.now;
    const both = {
      // One name for whatever is replayed: Cedar keeps a parsed set for ever under its name.
      working: compilePolicies(loaded.bundle, { now, slot: 'sluice-replay' }),
      inForce: inForce.policies.withClock(now),
      targets: new Map<string, TargetRef>(loaded.bundle.targets.map((one) => [one.name, one])),
    };
    for await (const id of this.#sessionsSince(since, { target, user })) {
      tally.sessions++;
      for await (const recorded of recordedOperations(this.#parts.recorder, id)) {
        if (tally.operations >= maxOperations) return tally.report(true);
        if (recorded.operation.at < since || isPreparation(recorded)) continue;
        clock.now = recorded.operation.at;
        const effects =
          recorded.operation.fault === null ? await recoverEffects(recorded, inForce, this.#parts.engines) : null;
        tally.add(recorded, effects, both);
        if (tally.operations % turn === 0) await setImmediate();
        signal.throwIfAborted();
      }
    }
    return tally.report(false);
  }

  async *#sessionsSince(
    since: number,
    filter: { readonly target: string | undefined; readonly user: string | undefined },
  ): AsyncGenerator<string> {
    let cursor: string | undefined;
    do {
      const found = await this.#parts.recorder.list({ ...filter, limit: page, cursor });
      for (const session of found.sessions) {
        const ended = session.ended_at === null ? Infinity : Date.parse(session.ended_at);
        if (ended >= since) yield session.id;
      }
      // Newest first: of a page that began before, a long session may still reach into the time; its page is read whole.
      const oldest = found.sessions.at(-1);
      cursor =
        oldest === undefined || Date.parse(oldest.started_at) < since ? undefined : (found.next_cursor ?? undefined);
    } while (cursor !== undefined);
  }
}

/** What was only prepared was judged again when it ran, and counts then. */
function isPreparation({ operation, decision }: RecordedOperation): boolean {
  return operation.kind === 'parse' && decision.verdict === 'allow';
}

interface Both {
  readonly working: CompiledPolicies;
  readonly inForce: CompiledPolicies;
  readonly targets: ReadonlyMap<string, TargetRef>;
}

/** Counts, and differences alike put together. */
class Tally {
  sessions = 0;
  operations = 0;
  #skipped = 0;
  #approximate = 0;
  #changedSince = 0;
  #changed = 0;
  #shadowed = 0;
  readonly #version: string;
  readonly #classificationDiffers: boolean;
  readonly #differences = new Map<string, Difference>();

  constructor(version: string, classification: unknown, inForce: Configuration) {
    this.#version = version;
    this.#classificationDiffers = JSON.stringify(classification) !== JSON.stringify(inForce.classification);
  }

  add({ open, operation, decision, session }: RecordedOperation, recovered: RecoveredEffects | null, both: Both): void {
    this.operations++;
    if (recovered === null || recovered.effects.length === 0) {
      this.#skipped++;
      return;
    }
    if (!recovered.exact) this.#approximate++;
    const recordedTarget: TargetRef = open.target;
    const query = {
      principal: recordedPrincipal(open),
      effects: recovered.effects,
      approvals: [],
      session,
      reason: open.reason,
    };
    const then = both.inForce.judge({ ...query, target: recordedTarget }).decision;
    // The working copy's own labels count: moving a target to another label is a change of policy too.
    const next = both.working.judge({
      ...query,
      target: both.targets.get(open.target.name) ?? recordedTarget,
    }).decision;
    if (then.verdict !== decision.verdict) this.#changedSince++;
    const shadow = then.verdict === next.verdict;
    const said = shadow ? next.shadow : next;
    if (said === undefined) return;
    if (shadow) this.#shadowed++;
    else this.#changed++;
    const key = JSON.stringify([
      open.identity.subject,
      open.target.name,
      operation.text,
      then.verdict,
      said.verdict,
      shadow,
    ]);
    const known = this.#differences.get(key);
    if (known === undefined && this.#differences.size >= maxDifferences) return;
    this.#differences.set(key, {
      user: open.identity.name,
      target: open.target.name,
      text: operation.text,
      recorded: decision.verdict,
      inForce: then.verdict,
      working: said.verdict,
      policies: said.policies,
      message: shadow || next.verdict === 'allow' ? '' : next.message,
      shadow,
      approximate: !recovered.exact,
      session: open.session,
      op: operation.op,
      count: (known?.count ?? 0) + 1,
    });
  }

  report(truncated: boolean): ReplayReport {
    return {
      version: this.#version,
      sessions: this.sessions,
      operations: this.operations,
      skipped: this.#skipped,
      approximate: this.#approximate,
      changedSince: this.#changedSince,
      changed: this.#changed,
      shadowed: this.#shadowed,
      differences: [...this.#differences.values()].sort((a, b) => b.count - a.count),
      truncated: truncated || this.#differences.size >= maxDifferences,
      classificationDiffers: this.#classificationDiffers,
    };
  }
}
