import type { SluiceClient } from '../client/api.js';
import { isSluiceError } from '../lib/errors.js';
import { readIdentityFile } from '../recording/encryption/recipients.js';
import { unwrapSessionKey } from '../recording/encryption/session-key.js';
import type { OpenSessionKey } from '../recording/read.js';

/** Opens encrypted sessions with one's own identity, else by asking the gateway, which may hold one. */
export function sessionKeys(identityFile: string | undefined, connect: () => Promise<SluiceClient>): OpenSessionKey {
  if (identityFile !== undefined) {
    const identities = readIdentityFile(identityFile);
    return (recipients, session) => unwrapSessionKey(recipients, session, identities);
  }
  return async (_recipients, session) => {
    try {
      const { key } = await (await connect()).sessionKey(session);
      return key === null ? null : Buffer.from(key, 'base64');
    } catch (error) {
      // A file from elsewhere: no gateway, or another one. Reading it says what would help.
      if (isSluiceError(error)) return null;
      throw error;
    }
  };
}
