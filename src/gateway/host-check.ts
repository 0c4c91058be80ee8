import { isIP } from 'node:net';

/** Says whether an address to listen on reaches this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Which Host headers to accept. A gateway on loopback is within reach of every page in the user's browser: a name that
 * an attacker rebinds to 127.0.0.1 still arrives with the attacker's Host (DNS rebinding), so only names that mean this
 * machine, and the public URL's own, are served. A gateway on a real address is meant to be reached by any name.
 */
export function createHostCheck(listenHost: string, publicUrl: string): (header: string | undefined) => boolean {
  if (!isLoopback(listenHost)) return () => true;
  const publicHost = bareHost(new URL(publicUrl).host);
  return (header) => {
    if (header === undefined) return false;
    const host = bareHost(header.toLowerCase());
    return host === publicHost || isLoopback(host);
  };
}

/** RFC 9110 7.2: uri-host [ ":" port ], an IPv6 address in brackets. */
function bareHost(header: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(header);
  if (bracketed !== null) return isIP(bracketed[1] ?? '') === 6 ? (bracketed[1] ?? '') : '';
  return header.replace(/:\d+$/, '');
}
