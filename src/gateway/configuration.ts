import type { Duplex } from 'node:stream';
import type { VerifiedToken } from '../identity/types.js';
import type { Classification } from '../masking/types.js';
import type { AccessRules } from '../policy/access.js';
import type { Bots } from '../policy/bots.js';
import { resolvePrincipal } from '../policy/bindings.js';
import { type Bundle, loadBundle } from '../policy/bundle.js';
import { type CompiledPolicies, compilePolicies } from '../policy/decide.js';
import { type Outline, outlineOf } from '../policy/outline.js';
import type { Principal } from '../policy/types.js';
import { destinationOf, destinationsOf } from '../policy/destination.js';
import type { RelayRules } from '../policy/relays.js';
import type { Wanted } from '../relay/frames.js';
import type { BundleTarget, SecretReference } from '../policy/targets.js';
import { isSshKey } from '../lib/ssh-kinds.js';
import type { TargetConfig } from '../sessions/types.js';
import { invalidBundle } from './bundle-errors.js';

/** A validated bundle, compiled: everything that the gateway decides with, all of one version. */
export interface Configuration {
  readonly version: string;
  readonly files: ReadonlyMap<string, string>;
  /** What it means, thing by thing. */
  readonly outline: Outline;
  readonly policies: CompiledPolicies;
  readonly classification: Classification;
  /** Names of the bundle's groups. */
  readonly groups: readonly string[];
  readonly targets: ReadonlyMap<string, TargetConfig>;
  /** Where targets send each secret of the vault. */
  readonly destinations: ReadonlyMap<string, readonly string[]>;
  /** The groups whose machines may serve each relay. */
  readonly relays: RelayRules;
  /** Groups that can be had for a while. */
  readonly access: AccessRules;
  /** Who may bring decisions that people made elsewhere. */
  readonly bots: Bots;
  resolve(token: VerifiedToken): Principal;
}

export interface ConfigurationParts {
  readonly clock: () => number;
  /** The secret, if it may be sent to this destination; null: it is sent nowhere. */
  readonly readSecret: (reference: SecretReference, destination: string | null) => Promise<string>;
  /** A connection to a target by way of the relay it names. */
  readonly connectThrough: (
    relay: string,
    target: BundleTarget,
    wanted: Wanted,
    signal: AbortSignal,
  ) => Promise<Duplex>;
}

/** Validates and compiles; throws config_invalid that names file, line and what is wrong. */
export function compileConfiguration(files: ReadonlyMap<string, string>, parts: ConfigurationParts): Configuration {
  const result = loadBundle(files);
  if (!result.ok) throw invalidBundle(result.problems);
  const { bundle } = result;
  return {
    version: bundle.version,
    files: bundle.files,
    outline: outlineOf(bundle),
    policies: compilePolicies(bundle, { now: parts.clock }),
    classification: bundle.classification,
    groups: Object.keys(bundle.bindings.groups),
    targets: targetsOf(bundle, parts),
    destinations: destinationsOf(bundle.targets),
    relays: bundle.relays,
    access: bundle.bindings.access ?? {},
    bots: bundle.bindings.bots ?? {},
    resolve: (token) => resolvePrincipal(token, bundle),
  };
}

/** What a gateway without any bundle decides with: nothing is permitted, nothing exists. */
export function emptyConfiguration(parts: ConfigurationParts): Configuration {
  return {
    version: 'none',
    files: new Map(),
    outline: new Map(),
    policies: compilePolicies({ policies: [], version: 'none', digest: 'none' }, { now: parts.clock }),
    classification: { classes: {}, columns: [], detectors: {} },
    groups: [],
    targets: new Map(),
    destinations: new Map(),
    relays: new Map(),
    access: {},
    bots: {},
    resolve: (token) => resolvePrincipal(token, { bindings: { groups: {} } }),
  };
}

/**
 * The configuration of the moment. Readers ask for it at each use and never keep it: a swap is one assignment, so no
 * decision is made with the policies of one version and the bindings of another.
 */
export class ActiveConfiguration {
  readonly #listeners: ((configuration: Configuration) => void)[] = [];
  #current: Configuration;

  constructor(initial: Configuration) {
    this.#current = initial;
  }

  current(): Configuration {
    return this.#current;
  }

  swap(next: Configuration): void {
    this.#current = next;
    for (const listener of this.#listeners) listener(next);
  }

  onSwap(listener: (configuration: Configuration) => void): void {
    this.#listeners.push(listener);
  }
}

function targetsOf(bundle: Bundle, parts: ConfigurationParts): ReadonlyMap<string, TargetConfig> {
  return new Map(bundle.targets.map((target) => [target.name, targetConfig(target, parts)]));
}

function targetConfig(target: BundleTarget, parts: ConfigurationParts): TargetConfig {
  const { secret, relay, host, port, ...rest } = target;
  const [program] = target.command?.argv ?? [];
  const wanted = program === undefined ? { host, port } : { program };
  return {
    ...{ host, port },
    ...rest,
    ...(relay === null
      ? {}
      : { relay: { name: relay, connect: (signal) => parts.connectThrough(relay, target, wanted, signal) } }),
    async readSecret() {
      if (secret === null) return '';
      // A key logs in without being shown to anybody, so one may open any number of machines.
      const key = target.ssh === undefined ? null : await parts.readSecret(secret, null);
      return key !== null && isSshKey(key) ? key : parts.readSecret(secret, destinationOf(target));
    },
  };
}
