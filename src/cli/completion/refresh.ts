import type { SluiceClient } from '../../client/api.js';
import type { Profile } from '../../client/profiles.js';
import { isSluiceError } from '../../lib/errors.js';
import { forgetNames, namesFile, rememberNames } from './known-names.js';

const limitMs = 10_000;
const most = 100;

/** Asks the gateway for the names that completion offers. Whoever may no longer ask keeps none of them. */
export async function refreshNames(client: SluiceClient, profile: Profile, stateDir: string): Promise<void> {
  const file = namesFile(stateDir, profile);
  if (file === null) return;
  const options = { timeoutMs: limitMs };
  try {
    const { targets } = await client.targets({}, options);
    const { requests } = await client.requests({ limit: most }, options);
    // Those who may not list sessions have none to complete.
    const { sessions } = await client.sessions({ limit: most }, options).catch(() => ({ sessions: [] }));
    rememberNames(file, {
      targets: targets.map(({ name, kind, labels }) => ({
        name,
        kind,
        labels: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
      })),
      requests: requests.map(({ id, state, target, requester }) => ({
        id,
        about: `${state} · ${target} · ${requester}`,
        open: state === 'pending',
      })),
      sessions: sessions.map(({ id, target, user, started_at, state }) => ({
        id,
        about: `${target} · ${user} · ${started_at.slice(0, 16).replace('T', ' ')}`,
        open: state === 'live',
      })),
    });
  } catch (error) {
    if (isSluiceError(error, 'login_required') || isSluiceError(error, 'denied')) forgetNames(stateDir, profile.name);
    throw error;
  }
}
