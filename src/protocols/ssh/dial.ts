import type { Duplex } from 'node:stream';
import ssh2, { type Client } from 'ssh2';
import { isSluiceError, SluiceError } from '../../lib/errors.js';
import type { TargetConfig } from '../../sessions/types.js';
import { algorithms, targetHostKeys } from './algorithms.js';
import { fingerprintOf } from './host-key.js';

const readyTimeoutMs = 15_000;
const keepaliveMs = 30_000;

/** A target that let us in, and why the way to it ended where that is not its own doing: a relay was lost. */
export interface DialledSsh {
  readonly client: Client;
  readonly lost: () => SluiceError | null;
}

/** Connects and logs in to a target, whose host key must be one of those pinned. The secret is read here and not kept. */
export async function dialSsh(target: TargetConfig, signal: AbortSignal): Promise<DialledSsh> {
  const secret = await target.readSecret();
  const way: Duplex | null = (await target.relay?.connect(signal)) ?? null;
  const lost = (): SluiceError | null => (isSluiceError(way?.errored) ? way.errored : null);
  const client = new ssh2.Client();
  let presented: string | null = null;
  const pinned = new Set(target.ssh?.hostKeys);
  const isKey = secret.trimStart().startsWith('-----BEGIN ');
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.once('error', reject);
      client.once('close', () => reject(new Error('the target closed the connection')));
      client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) => {
        // One question is the password's; more are a second factor that a gateway cannot answer.
        finish(prompts.length === 1 && !isKey ? [secret] : []);
      });
      const stop = (): void => {
        client.destroy();
        reject(new SluiceError('interrupted', 'the client is gone'));
      };
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      client.connect({
        ...(way === null ? { host: target.host, port: target.port } : { sock: way }),
        username: target.username,
        ...(isKey ? { privateKey: secret } : { password: secret, tryKeyboard: true }),
        hostVerifier: (key: Buffer): boolean => {
          presented = fingerprintOf(key);
          return pinned.has(presented);
        },
        algorithms: { ...algorithms, ...(targetHostKeys === undefined ? {} : { serverHostKey: targetHostKeys }) },
        readyTimeout: readyTimeoutMs,
        keepaliveInterval: keepaliveMs,
        keepaliveCountMax: 3,
        ident: 'sluice',
      });
    });
  } catch (error) {
    client.destroy();
    way?.destroy();
    throw lost() ?? dialError(target, error, presented !== null && !pinned.has(presented) ? presented : null);
  }
  client.setNoDelay(true);
  return { client, lost };
}

function dialError(target: TargetConfig, error: unknown, wrongKey: string | null): SluiceError {
  if (error instanceof SluiceError) return error;
  if (wrongKey !== null) {
    const message =
      `HOST KEY MISMATCH: ${target.name} answered with ${wrongKey}, which is not pinned. ` +
      'Someone may be in between, or the machine was rebuilt; nothing was sent to it.';
    return new SluiceError('target_unreachable', message, {
      decider: 'gateway',
      next: [
        { command: 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub', when: 'to see its key on the machine itself' },
      ],
    });
  }
  const level = error instanceof Error && 'level' in error ? error.level : null;
  // The messages of ssh2 hold no secret, but a key that cannot be parsed may be quoted: none of them is shown.
  const why =
    level === 'client-authentication'
      ? 'it refused the gateway’s login'
      : level === 'client-timeout'
        ? 'it did not answer in time'
        : level === 'client-socket'
          ? 'no connection'
          : 'the connection could not be set up';
  return new SluiceError('target_unreachable', `cannot reach ${target.name}: ${why}`, {
    decider: 'network',
    retryable: true,
    cause: error,
  });
}
