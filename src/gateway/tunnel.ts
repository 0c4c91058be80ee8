import { SluiceError } from '../lib/errors.js';
import type { Engines } from './engines.js';
import type { LiveConnections } from './live-connections.js';
import type { Logger } from './log.js';
import type { TargetDirectory } from './target-directory.js';
import type { Upgrade } from './upgrades.js';

export interface TunnelParts {
  readonly targets: TargetDirectory;
  readonly connections: LiveConnections;
  readonly engines: Engines;
  readonly log: Logger;
}

/** RFC 5803 in PostgreSQL's form: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, base 64. */
const scramVerifier = /^SCRAM-SHA-256\$\d{1,7}:[A-Za-z0-9+/=]{1,128}\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}$/;

/** Serves `GET /v1/targets/NAME/tunnel` with `Upgrade: sluice-tunnel`: after the 101 the target's own protocol, byte for byte. */
export async function openTunnel(name: string, upgrade: Upgrade, parts: TunnelParts): Promise<void> {
  const { request, requestId, stream, caller } = upgrade;
  const { principal } = caller;
  const found = parts.targets.find(name, principal);
  const { target } = found;
  const origin = {
    address: request.socket.remoteAddress ?? '',
    via: 'tunnel',
    passwordVerifier: readVerifier(request.headers['sluice-client-password']),
    reason: readReason(request.headers['sluice-reason']),
    approvedRequest: null,
    waitForApproval: true,
  } as const;
  if (!stream.writable) return;
  upgrade.accept();
  parts.log.info({ request: requestId, target: target.name, user: principal.name }, 'tunnel open');
  try {
    await parts.connections.run(
      { target: target.name, principal, cut: () => stream.destroy() },
      new AbortController(),
      (signal) =>
        parts.engines.of(target).serve(
          {
            stream,
            principal,
            target,
            get classification() {
              return found.classification;
            },
            origin,
          },
          signal,
        ),
    );
  } catch (error) {
    // After the 101 the bytes are the target's protocol: an HTTP answer would be garbage in it.
    parts.log.error({ request: requestId, err: error }, 'an engine failed');
  }
  stream.destroy();
  parts.log.info({ request: requestId }, 'tunnel closed');
}

function readVerifier(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && scramVerifier.test(header)) return header;
  throw new SluiceError('usage', 'Sluice-Client-Password must be a SCRAM-SHA-256 verifier');
}

/** The reason may hold any text, which a header cannot: it arrives percent-encoded as UTF-8. */
function readReason(header: string | string[] | undefined): string | null {
  if (header === undefined || header === '') return null;
  let text: string;
  try {
    text = decodeURIComponent(String(header));
  } catch {
    text = String(header);
  }
  if (text.length > 1000) throw new SluiceError('usage', 'Sluice-Reason must be at most 1000 characters');
  return text;
}
