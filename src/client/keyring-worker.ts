import { AsyncEntry } from '@napi-rs/keyring';
import { messageOf } from '../lib/errors.js';
import type { KeyringAnswer, KeyringCall } from './keyring-process.js';

/**
 * The process that talks to the system's keyring. Pinned to the Secret Service on Linux: the library's own fallback, the
 * kernel's keyring, forgets at reboot.
 */
const entryOf = (account: string): AsyncEntry =>
  new AsyncEntry('sluice', account, { linux: { store: 'secret-service' } });

async function answer({ verb, account, secret }: KeyringCall): Promise<string | null> {
  switch (verb) {
    case 'get':
      return (await entryOf(account).getPassword()) ?? null;
    case 'set':
      await entryOf(account).setPassword(secret ?? '');
      return null;
    case 'delete':
      await entryOf(account).deleteCredential();
      return null;
  }
}

process.on('message', (call: KeyringCall) => {
  const send = (reply: KeyringAnswer): void => void process.send?.(reply);
  answer(call).then(
    (value) => send({ id: call.id, value, error: null }),
    (error: unknown) => send({ id: call.id, value: null, error: messageOf(error) }),
  );
});
// An ordinary exit would wait for a call that never returns.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
