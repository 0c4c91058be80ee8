import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ConnectConfig } from 'ssh2';
import { isSluiceError, SluiceError } from '../../lib/errors.js';
import { isSshKey } from '../../lib/ssh-kinds.js';
import type { TargetConfig } from '../../sessions/types.js';
import { algorithms, targetHostKeys } from './algorithms.js';
import { fingerprintOf } from './host-key.js';
import { certifyLogin, type CertifiedLogin } from './login/target-certificate.js';

const readyTimeoutMs = 15_000;
const keepaliveMs = 30_000;

/** A target that let us in, and why the way to it ended where that is not its own doing: a relay was lost. */
export interface DialledSsh {
  readonly client: Client;
  readonly lost: () => SluiceError | null;
}

export interface Dialling {
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Who comes and in which session: the key id of a certificate, which sshd writes into its log. */
  readonly as: string;
  /** Called with a certificate before it is shown to the target. */
  readonly certified: (login: CertifiedLogin) => void | Promise<void>;
}

/** Connects and logs in to a target, whose host key must be one of those pinned. The secret is read here and not kept. */
export async function dialSsh(target: TargetConfig, dialling: Dialling): Promise<DialledSsh> {
  const { signal } = dialling;
  const secret = await target.readSecret();
  const way: Duplex | null = (await target.relay?.connect(signal)) ?? null;
  const lost = (): SluiceError | null => (isSluiceError(way?.errored) ? way.errored : null);
  const client = new ssh2.Client();
  // It tells of an error for every piece that still comes behind the first one; one that nobody hears ends the gateway.
  client.on('error', () => client.destroy());
  let presented: string | null = null;
  const pinned = new Set(target.ssh?.hostKeys);
  const isKey = isSshKey(secret);
  let certified: CertifiedLogin | null = null;
  const loginWith = async (): Promise<ConnectConfig> => {
    const settings = target.ssh?.certificate ?? null;
    if (settings === null) return isKey ? { privateKey: secret } : { password: secret, tryKeyboard: true };
    certified = certifyLogin(secret, { client, settings, as: dialling.as, nowMs: dialling.now() });
    await dialling.certified(certified);
    return { agent: certified.agent, authHandler: ['agent'] };
  };
  try {
    const login = await loginWith();
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
        ...login,
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
    const wrongKey = presented !== null && !pinned.has(presented) ? presented : null;
    throw lost() ?? dialError(target, error, { wrongKey, certified });
  }
  client.setNoDelay(true);
  return { client, lost };
}

function dialError(
  target: TargetConfig,
  error: unknown,
  { wrongKey, certified }: { readonly wrongKey: string | null; readonly certified: CertifiedLogin | null },
): SluiceError {
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
  if (level === 'client-authentication' && certified !== null) {
    const { authority, principals, keyId, validBefore } = certified;
    const message =
      `${target.name} refused the certificate for ${target.username}: principal ${principals.join(', ')}, authority ` +
      `${authority}, valid until ${new Date(validBefore * 1000).toISOString()}, key id ${JSON.stringify(keyId)}. ` +
      'It must trust that authority, let that principal log in, and have the right time.';
    return new SluiceError('target_unreachable', message, {
      decider: 'target',
      next: [
        {
          command: "sshd -T | grep -E 'trustedusercakeys|authorizedprincipals'; date -u",
          when: 'on the machine itself',
        },
      ],
      cause: error,
    });
  }
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
