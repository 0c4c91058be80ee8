import type { IncomingMessage } from 'node:http';

/** Says whether an IP address, as a socket reports it, is this machine's own (127.0.0.0/8, ::1, mapped forms). */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(plain);
}

/** Says whether a URL's or Host header's host name means this machine. Names that need DNS are never trusted. */
export function isLoopbackHostname(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || isLoopbackAddress(name);
}

/** The host name in a Host header, without its port. Null when there is none or it is malformed. */
export function hostnameOf(host: string | undefined): string | null {
  if (host === undefined || !/^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i.test(host)) return null;
  return host.replace(/:\d{1,5}$/, '');
}

/**
 * Why this request must not reach something that is for this machine only, or null. The Host check stops DNS rebinding;
 * the forwarding headers show a proxy, whose own loopback address would otherwise vouch for anybody behind it.
 */
export function refuseUnlessLoopback(request: IncomingMessage): string | null {
  if (!isLoopbackAddress(request.socket.remoteAddress)) return 'only connections from this machine are accepted';
  const hostname = hostnameOf(request.headers.host);
  if (hostname === null || !isLoopbackHostname(hostname)) return 'the Host header must name this machine';
  if (request.headers.forwarded !== undefined || request.headers['x-forwarded-for'] !== undefined) {
    return 'proxied connections are not accepted';
  }
  return null;
}
