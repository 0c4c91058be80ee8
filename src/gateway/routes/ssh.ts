import { type ApiRoute, ok, route } from '../api-route.js';
import { nothing } from '../schemas/common.js';
import { sshDocument } from '../schemas/ssh.js';
import type { GatewayServices } from '../services.js';

/** What SSH clients need to know of the gateway. */
export function sshRoutes({ sshHostKey }: GatewayServices): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/ssh',
      access: 'authenticated',
      summary: 'The host key that the gateway shows to SSH clients',
      params: nothing,
      query: nothing,
      body: nothing,
      response: sshDocument,
      handle: () =>
        Promise.resolve(
          ok('sluice.ssh/v1', { host_key: sshHostKey.publicKey, host_key_fingerprint: sshHostKey.fingerprint }),
        ),
    }),
  ];
}
