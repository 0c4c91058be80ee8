import { logOut } from '../client/logout.js';
import { Profiles } from '../client/profiles.js';
import { Transport } from '../client/transport.js';
import { forgetNames } from './completion/known-names.js';
import type { Environment } from './environment.js';
import type { Output } from './output.js';

export interface LoggedOut {
  readonly name: string;
  readonly logged_in: boolean;
  readonly revoked: boolean;
}

/** Forgets one login, or with `null` every one. */
export async function logOutOf(
  profile: string | null,
  context: { readonly environment: Environment; readonly out: Output; readonly signal: AbortSignal },
): Promise<readonly LoggedOut[]> {
  const { environment, out, signal } = context;
  const names = profile === null ? new Profiles(environment.configDir).list().map(({ name }) => name) : [profile];
  const transport = new Transport(environment);
  const done: LoggedOut[] = [];
  for (const name of names) {
    const { loggedIn, revoked, note } = await logOut({ environment, transport, profile: name, signal });
    forgetNames(environment.stateDir, name);
    done.push({ name, logged_in: loggedIn, revoked });
    if (note !== null) out.note(note);
  }
  return done;
}

/** The profile that commands use when none is named. */
export function defaultProfile(environment: Environment): string {
  return new Profiles(environment.configDir).defaultName;
}
