import { join } from 'node:path';
import { createDemoProvider } from '../identity/demo-provider.js';
import { SluiceError } from '../lib/errors.js';
import type { Bootstrap } from './config.js';
import { isLoopback } from './host-check.js';

/** The demo's identity provider, behind the gateway's own port. Throws where anybody but this machine could reach it. */
export async function startDemoIdentity(bootstrap: Bootstrap) {
  const [issuer] = bootstrap.issuers;
  if (issuer === undefined)
    throw new SluiceError('config_invalid', 'demoIdentity needs an issuer: the provider itself');
  if (!isLoopback(bootstrap.listen.host)) {
    throw new SluiceError('config_invalid', 'demoIdentity lets anyone be anyone: it works on a loopback address only');
  }
  const provider = await createDemoProvider({
    issuer: issuer.url,
    audience: issuer.audience,
    stateDir: join(bootstrap.stateDir, 'identity'),
  });
  return {
    path: new URL(issuer.url).pathname.replace(/\/$/, ''),
    callback: provider.callback,
    jwks: { [issuer.url]: provider.jwks },
  };
}
