import { compileDetectors } from '../../masking/detectors.js';
import { isSluiceError, SluiceError } from '../../lib/errors.js';
import type { ServeConnection } from '../../sessions/engine.js';
import type { SessionServices } from '../../sessions/session.js';
import { Connection } from './connection.js';
import { programOperation } from './effects.js';
import { greet } from './frontend.js';
import { readHostKey } from './host-key.js';
import type { SshService } from './index.js';

/** What the engine is built from. */
export interface SshServiceParts extends SessionServices {
  /** The gateway's host key, in OpenSSH's private format. */
  readonly hostKey: string;
  /** For faults that no client should see in full. */
  readonly log: (message: string, error: unknown) => void;
}

export function createSshService(parts: SshServiceParts): SshService {
  const hostKey = readHostKey(parts.hostKey);

  const serve: ServeConnection = async (incoming, signal) => {
    const { stream, origin } = incoming;
    stream.on('error', () => stream.destroy());
    try {
      const connection = await greet(stream, {
        hostKey: hostKey.privateKey,
        passwordVerifier: origin.passwordVerifier,
        signal,
        welcome: (client, software) => new Connection(client, incoming, parts, software),
      });
      await connection.run(signal);
    } catch (error) {
      // Before the login there is nobody to tell but who waits for an answer of exec.
      if (isSluiceError(error)) incoming.observer?.refused?.(error);
      else parts.log('an SSH session could not start', error);
      stream.destroy();
    }
  };

  return {
    hostKey: { publicKey: hostKey.publicKey, fingerprint: hostKey.fingerprint },
    serve,
    explain(principal, target, classification, text, parameters) {
      if (parameters.length > 0)
        return Promise.reject(new SluiceError('usage', 'a command has no parameters: write them into its text'));
      const { effects, fault } = programOperation(target.name, { kind: 'exec', text, terminal: false });
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
