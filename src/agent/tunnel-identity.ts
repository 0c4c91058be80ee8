import { parseObject } from '../client/error-document.js';
import { SluiceError } from '../lib/errors.js';
import type { OpenTunnelBody } from './control-types.js';

/**
 * Throws when an open tunnel is not what is asked for: its connections are recorded under the login and the reason that it
 * was opened with, and must not be taken for those of somebody else's, or for another reason's.
 */
export function requireSameIdentity(open: OpenTunnelBody, asked: OpenTunnelBody): void {
  if (!isSameLogin(open, asked)) throw otherTunnel(asked.target, 'under another login');
  if (asked.reason !== null && asked.reason !== open.reason) throw otherTunnel(asked.target, 'for another reason');
}

function isSameLogin(open: OpenTunnelBody, asked: OpenTunnelBody): boolean {
  if (open.token !== null && asked.token !== null) return isSameSubject(open.token, asked.token);
  return (
    open.token === asked.token &&
    open.tokenFile === asked.tokenFile &&
    open.identityTokenFile === asked.identityTokenFile &&
    open.configDir === asked.configDir
  );
}

/** A fresh token of the same machine or person. They are compared, not trusted: that is the gateway's business. */
function isSameSubject(one: string, other: string): boolean {
  if (one.trim() === other.trim()) return true;
  const [a, b] = [subjectOf(one), subjectOf(other)];
  return a !== null && a === b;
}

function subjectOf(token: string): string | null {
  const payload = parseObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const { iss, sub, on_behalf_of: person = null } = payload ?? {};
  return typeof iss === 'string' && typeof sub === 'string' ? JSON.stringify([iss, sub, person]) : null;
}

function otherTunnel(target: string, how: string): SluiceError {
  return new SluiceError('local', `A tunnel to ${target} is open ${how} already`, {
    decider: 'local',
    next: [
      { command: `sluice tunnels stop ${target}`, when: 'to open it anew' },
      { command: `sluice connect ${target} -- PROGRAM`, when: 'to have a tunnel of one’s own beside it' },
    ],
  });
}
