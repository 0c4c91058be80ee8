import type { Duplex } from 'node:stream';
import { compileDetectors } from '../../masking/detectors.js';
import { isSluiceError, SluiceError } from '../../lib/errors.js';
import type { ServeConnection } from '../../sessions/engine.js';
import type { SessionServices } from '../../sessions/session.js';
import { Connection } from './connection.js';
import { programOperation } from './effects.js';
import { greet, tunnelLogin, type Authenticate } from './frontend.js';
import { readHostKey } from './host-key.js';
import type { SshService } from './index.js';
import { UserAuthority } from './login/authority.js';
import { NativeLogin } from './login/native.js';
import type { IncomingConnection } from '../../sessions/types.js';

/** What the engine is built from. */
export interface SshServiceParts extends SessionServices {
  /** The gateway's host key, in OpenSSH's private format. */
  readonly hostKey: string;
  /** Of the authority for people's certificates, PKCS#8 PEM. */
  readonly userAuthority: string;
  /** For faults that no client should see in full. */
  readonly log: (message: string, error: unknown) => void;
}

export function createSshService(parts: SshServiceParts): SshService {
  const hostKey = readHostKey(parts.hostKey);

  const authority = new UserAuthority(parts.userAuthority);

  const run = async (
    stream: Duplex,
    signal: AbortSignal,
    login: { readonly authenticate: Authenticate; readonly incoming: () => IncomingConnection },
  ): Promise<void> => {
    stream.on('error', () => stream.destroy());
    const connection = await greet(stream, {
      hostKey: hostKey.privateKey,
      authenticate: login.authenticate,
      signal,
      welcome: (client, software) => new Connection(client, login.incoming(), parts, software),
    });
    await connection.run(signal);
  };

  const serve: ServeConnection = async (incoming, signal) => {
    const { stream, origin } = incoming;
    try {
      await run(stream, signal, { authenticate: tunnelLogin(origin.passwordVerifier), incoming: () => incoming });
    } catch (error) {
      // Before the login there is nobody to tell but who waits for an answer of exec.
      if (isSluiceError(error)) incoming.observer?.refused?.(error);
      else parts.log('an SSH session could not start', error);
      stream.destroy();
    }
  };

  const acceptNative: SshService['acceptNative'] = async (stream, hooks, signal) => {
    const login = new NativeLogin(authority, hooks);
    const incoming = (): IncomingConnection => {
      const { arrival } = login;
      if (arrival === null) throw new TypeError('a login without proof');
      const { principal, target, classification, fingerprint } = arrival;
      const origin = {
        address: hooks.address,
        via: 'listener',
        passwordVerifier: null,
        reason: null,
        approvedRequest: null,
        waitForApproval: true,
        ...(fingerprint === null ? {} : { meta: { ssh_key: fingerprint } }),
      } as const;
      return {
        ...{ stream, principal, target, origin },
        get classification() {
          return classification();
        },
      };
    };
    try {
      await run(stream, signal, { authenticate: (context, tell) => login.authenticate(context, tell), incoming });
    } catch (error) {
      if (!isSluiceError(error)) parts.log('an SSH session could not start', error);
      stream.destroy();
    }
  };

  return {
    hostKey: { publicKey: hostKey.publicKey, fingerprint: hostKey.fingerprint },
    authority,
    serve,
    acceptNative,
    explain(principal, target, classification, text, parameters) {
      if (parameters.length > 0)
        return Promise.reject(new SluiceError('usage', 'a command has no parameters: write them into its text'));
      const { effects, fault } = programOperation(target, { kind: 'exec', text, terminal: false });
      if (fault !== null) return Promise.reject(fault);
      const policies = parts.policies();
      const session = { rowsRead: 0, bytesRead: 0, statements: 0, seconds: 0 };
      const ask = { principal, target, approvals: [], session, reason: null };
      return Promise.resolve({
        decision: policies.decide({ ...ask, effects }),
        effects: effects.map((effect) => ({ effect, decision: policies.decide({ ...ask, effects: [effect] }) })),
        maskedColumns: compileDetectors(classification.detectors) === null ? [] : ['output'],
      });
    },
  };
}
