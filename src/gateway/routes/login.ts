import { type ApiRoute, ok, publicRoute, route } from '../api-route.js';
import type { GatewayServices } from '../services.js';
import { instant } from '../request-view.js';
import { nothing } from '../schemas/common.js';
import { loginDocument, whoamiDocument } from '../schemas/login.js';
import { SluiceError } from '../../lib/errors.js';

/** How to log in, and who one is then. */
export function loginRoutes(services: GatewayServices): readonly ApiRoute[] {
  const { bootstrap } = services;
  return [
    publicRoute({
      method: 'GET',
      path: '/v1/login',
      summary: 'How to log in here',
      params: nothing,
      query: nothing,
      body: nothing,
      response: loginDocument,
      async handle() {
        const issuer = bootstrap.issuers[0];
        if (issuer === undefined) throw new SluiceError('unavailable', 'this gateway trusts no issuer');
        return ok('sluice.login/v1', {
          issuer: issuer.url,
          client_id: issuer.clientId,
          audience: issuer.audience,
          scopes: issuer.scopes,
          device: bootstrap.login.device,
          browser: bootstrap.login.browser,
          demo: bootstrap.demoIdentity,
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/whoami',
      access: 'authenticated',
      summary: 'Who the bearer token makes of its bearer',
      params: nothing,
      query: nothing,
      body: nothing,
      response: whoamiDocument,
      async handle({ principal, token }) {
        return ok('sluice.whoami/v1', {
          id: principal.id,
          name: principal.name,
          kind: principal.kind,
          issuer: principal.issuer,
          groups: [...principal.groups],
          on_behalf_of: principal.onBehalfOf ?? null,
          expires_at: instant(token.expiresAt),
        });
      },
    }),
  ];
}
