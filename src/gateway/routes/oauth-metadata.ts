import { type ApiRoute, publicRoute } from '../api-route.js';
import { nothing } from '../schemas/common.js';
import type { GatewayServices } from '../services.js';

/**
 * Protected resource metadata (RFC 9728): which issuers' tokens are good here. The resource is the audience that tokens
 * must be for, so what a client asks its authorisation server for is what the gateway accepts.
 */
export function oauthMetadataRoutes({ bootstrap }: GatewayServices): readonly ApiRoute[] {
  const [first] = bootstrap.issuers;
  const document = {
    resource: first?.audience ?? bootstrap.publicUrl,
    authorization_servers: bootstrap.issuers.map(({ url }) => url),
    bearer_methods_supported: ['header'],
    resource_name: 'Sluice gateway',
  };
  const text = JSON.stringify(document);
  return ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'].map((path) =>
    publicRoute({
      method: 'GET',
      path,
      summary: 'Which authorisation servers issue tokens for this gateway (RFC 9728)',
      params: nothing,
      query: nothing,
      body: nothing,
      response: null,
      async handle() {
        return { kind: 'text', type: 'application/json; charset=utf-8', text };
      },
    }),
  );
}
