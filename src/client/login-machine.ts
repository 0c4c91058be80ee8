import { resolve } from 'node:path';
import type { LoginInfo } from './api-types.js';
import { parseGatewayUrl } from './gateway-url.js';
import { exchangeIdentity } from './identity-exchange.js';
import { readIdentityToken } from './identity-token.js';
import { baseOf, logIn, type LoginOptions, type LoginResult } from './login.js';
import { discover, loginFrom, within } from './oidc.js';
import type { StoredLogin } from './stored-login.js';

export interface MachineCredentials {
  readonly clientId: string;
  readonly clientSecret?: string;
  /** A private key instead of a secret (private_key_jwt); read again for every token. */
  readonly clientKeyFile?: string;
}

/** Logs a machine in by its own credentials (RFC 6749 4.4). A rejection is final: nothing else is tried. */
export function loginAsMachine(options: LoginOptions & MachineCredentials): Promise<LoginResult> {
  return logIn(options, (info, now) => machineLogin(options, info, options, now));
}

export async function machineLogin(
  options: LoginOptions,
  info: LoginInfo,
  { clientId, clientSecret, clientKeyFile }: MachineCredentials,
  now: () => number,
): Promise<StoredLogin> {
  const keyFile = clientKeyFile === undefined ? null : resolve(clientKeyFile);
  const base = { ...baseOf(options, info), clientId, clientSecret: clientSecret ?? null, clientKeyFile: keyFile };
  const configuration = await discover(base, options.transport, options.signal);
  const oidc = await import('openid-client');
  const tokens = await within(info.issuer, () =>
    oidc.clientCredentialsGrant(configuration, { resource: info.audience }),
  );
  return loginFrom(tokens, base, now());
}

/** Logs a workload in by the identity token that its platform keeps in a file, now and whenever a token is needed. */
export function loginAsWorkload(options: LoginOptions & { readonly identityTokenFile: string }): Promise<LoginResult> {
  const gateway = parseGatewayUrl(options.gateway);
  const identityTokenFile = resolve(options.identityTokenFile);
  return logIn(options, async (info, now) => {
    const token = readIdentityToken(identityTokenFile);
    const fresh = await exchangeIdentity({ gateway, transport: options.transport, token, signal: options.signal });
    return {
      ...baseOf(options, info),
      issuer: gateway,
      clientId: '',
      identityTokenFile,
      accessToken: fresh.accessToken,
      expiresAt: now() + fresh.expiresInSeconds * 1000,
    };
  });
}
