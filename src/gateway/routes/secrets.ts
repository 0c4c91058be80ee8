import { SluiceError } from '../../lib/errors.js';
import { type ApiRoute, ok, route } from '../api-route.js';
import { instant } from '../request-view.js';
import { nothing } from '../schemas/common.js';
import { secretBody, secretListDocument, secretParams } from '../schemas/secrets.js';
import type { GatewayServices } from '../services.js';

/** Secrets go in and are named; no route ever gives one back. */
export function secretRoutes({ audit, configuration, vault }: GatewayServices): readonly ApiRoute[] {
  const access = 'manageSecrets';
  const list = () =>
    ok('sluice.secrets/v1', {
      secrets: vault
        .list()
        .map(({ name, updatedAt, updatedBy }) => ({ name, updated_at: instant(updatedAt), updated_by: updatedBy })),
    });
  return [
    route({
      method: 'GET',
      path: '/v1/secrets',
      access,
      summary: 'Names of the secrets in the vault',
      params: nothing,
      query: nothing,
      body: nothing,
      response: secretListDocument,
      handle: async () => list(),
    }),
    route({
      method: 'PUT',
      path: '/v1/secrets/:name',
      access,
      summary: 'Set a secret',
      params: secretParams,
      query: nothing,
      body: secretBody,
      response: secretListDocument,
      async handle({ principal }, { params, body }) {
        audit.attempt(principal, 'secret.set', params.name, {}, () =>
          vault.set(params.name, body.value, principal, configuration.current().destinations.get(params.name)),
        );
        return list();
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/secrets/:name',
      access,
      summary: 'Remove a secret',
      params: secretParams,
      query: nothing,
      body: nothing,
      response: secretListDocument,
      async handle({ principal }, { params }) {
        audit.attempt(principal, 'secret.remove', params.name, {}, () => {
          if (!vault.remove(params.name, principal))
            throw new SluiceError('not_found', `no secret ${params.name}`, {
              decider: 'gateway',
              next: [{ command: 'sluice secrets list', when: 'to see their names' }],
            });
        });
        return list();
      },
    }),
  ];
}
