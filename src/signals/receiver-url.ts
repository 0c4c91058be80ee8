import { z } from 'zod';

/** Where a receiver is. */
export const receiverUrl = z.url({ protocol: /^https?$/ });

/** Whether nobody on the way can read what is sent there: it is encrypted, or never leaves this machine. */
export function isPrivateWay(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
