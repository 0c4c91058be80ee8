import { type ApiRoute, ok, route } from '../api-route.js';
import { nothing } from '../schemas/common.js';
import { keysDocument } from '../schemas/sessions.js';
import type { GatewayServices } from '../services.js';

/** The keys that recordings are signed with. Their public halves are for everyone: that is what they are for. */
export function keyRoutes({ audit, recorder }: GatewayServices): readonly ApiRoute[] {
  const list = async () => {
    const keys = await recorder.keys();
    return ok('sluice.keys/v1', { keys: keys.map((key) => ({ ...key })) });
  };
  return [
    route({
      method: 'GET',
      path: '/v1/keys',
      access: 'authenticated',
      summary: 'Public keys that recordings are signed with',
      params: nothing,
      query: nothing,
      body: nothing,
      response: keysDocument,
      handle: list,
    }),
    route({
      method: 'POST',
      path: '/v1/keys/rotate',
      access: 'manageSecrets',
      summary: 'Sign recordings with a new key from now on',
      params: nothing,
      query: nothing,
      body: nothing,
      response: keysDocument,
      async handle({ principal }) {
        await audit.attemptLater(principal, 'key.rotate', 'recording key', {}, () => recorder.rotateKey());
        return list();
      },
    }),
  ];
}
