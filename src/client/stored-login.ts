import { parseObject } from './error-document.js';

/** What a login leaves behind: enough to call the gateway, and to get fresh tokens without the person. */
export interface StoredLogin {
  /** The only gateway that may see these tokens. */
  readonly gateway: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly audience: string;
  readonly accessToken: string;
  readonly expiresAt: number; // ms since epoch
  readonly refreshToken: string | null;
  /** A machine's own secret: it gets tokens by client credentials. */
  readonly clientSecret: string | null;
  /** A machine's private key: it signs what asks for tokens (RFC 7523). The key stays where it is. */
  readonly clientKeyFile: string | null;
  /** A workload's identity token, which something else keeps fresh: exchanged at the gateway (RFC 8693). */
  readonly identityTokenFile: string | null;
}

export function encodeLogin(login: StoredLogin): string {
  return JSON.stringify({ version: 1, ...login });
}

/** Null when the text is not a login: damaged, or of a version that this one does not know. */
export function decodeLogin(text: string): StoredLogin | null {
  const value = parseObject(text);
  if (value?.['version'] !== 1) return null;
  const { gateway, issuer, clientId, audience, accessToken, expiresAt } = value;
  if (typeof gateway !== 'string' || typeof issuer !== 'string' || typeof clientId !== 'string') return null;
  if (typeof audience !== 'string' || typeof accessToken !== 'string' || typeof expiresAt !== 'number') return null;
  const optional = (name: string): string | null => (typeof value[name] === 'string' ? value[name] : null);
  const refreshToken = optional('refreshToken');
  const clientSecret = optional('clientSecret');
  const [clientKeyFile, identityTokenFile] = [optional('clientKeyFile'), optional('identityTokenFile')];
  const base = { gateway, issuer, clientId, audience, accessToken, expiresAt, refreshToken, clientSecret };
  return { ...base, clientKeyFile, identityTokenFile };
}
