import type { SluiceError } from '../lib/errors.js';
import { openConnection, type Asked } from './connection.js';
import type { Environment } from './environment.js';
import { asSluiceError } from './failure.js';

export interface StatusDocument {
  readonly schema: 'sluice.status/v1';
  readonly ok: true;
  readonly profile: string | null;
  readonly gateway: string | null;
  /** Null when it was not asked, because no gateway is known. */
  readonly reachable: boolean | null;
  readonly logged_in: boolean;
  readonly user: string | null;
  readonly groups: readonly string[];
  readonly expires_at: string | null;
  readonly problem: { readonly code: string; readonly message: string } | null;
}

/** Asks the gateway who we are; whatever fails is part of the answer. */
export async function readStatus(
  environment: Environment,
  asked: Asked,
  signal: AbortSignal,
): Promise<{ readonly document: StatusDocument; readonly problem: SluiceError | null }> {
  const nobody = {
    schema: 'sluice.status/v1',
    ok: true,
    logged_in: false,
    user: null,
    groups: [],
    expires_at: null,
  } as const;
  let known: Pick<StatusDocument, 'profile' | 'gateway' | 'reachable'> = {
    profile: null,
    gateway: null,
    reachable: null,
  };
  try {
    const { client, profile } = await openConnection(environment, asked);
    known = { profile: profile.name, gateway: profile.gateway, reachable: false };
    await client.loginInfo({ signal });
    known = { ...known, reachable: true };
    const { name, groups, expires_at } = await client.whoami({ signal });
    return {
      document: { ...nobody, ...known, logged_in: true, user: name, groups, expires_at, problem: null },
      problem: null,
    };
  } catch (error) {
    signal.throwIfAborted();
    const problem = asSluiceError(error);
    return { document: { ...nobody, ...known, problem: { code: problem.code, message: problem.message } }, problem };
  }
}
