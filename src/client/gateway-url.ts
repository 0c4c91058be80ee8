import { SluiceError } from '../lib/errors.js';

/** Says whether a URL's host name means this machine. */
export function isLoopbackUrl(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * A gateway's address as people write it, made canonical: https unless it is this machine, no path's end, no credentials.
 * Plain HTTP to elsewhere is refused, because a bearer token would travel in clear.
 */
export function parseGatewayUrl(text: string): string {
  const bare = !/^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  let url: URL;
  try {
    url = new URL(bare ? `https://${text}` : text);
    if (bare && isLoopbackUrl(url.href)) url.protocol = 'http:';
  } catch (error) {
    throw new SluiceError('usage', `"${text}" is not a gateway's address`, { decider: 'local', cause: error });
  }
  const wrong = (why: string): SluiceError =>
    new SluiceError('usage', `The gateway's address ${why}`, { decider: 'local' });
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw wrong('must begin with https://');
  if (url.username !== '' || url.password !== '') throw wrong('must not hold a user name or password');
  if (url.protocol === 'http:' && !isLoopbackUrl(url.href))
    throw wrong('must begin with https:// unless it is this machine');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
