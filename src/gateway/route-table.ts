import { type ApiRoute, publicRoute } from './api-route.js';
import { describeApi } from './openapi.js';
import { accessRoutes } from './routes/access.js';
import { botRoutes } from './routes/bots.js';
import { bundleRoutes } from './routes/bundle.js';
import { copyRoutes } from './routes/copies.js';
import { doctorRoutes } from './routes/doctor.js';
import { evidenceRoutes } from './routes/evidence.js';
import { execRoutes } from './routes/exec.js';
import { healthRoutes } from './routes/health.js';
import { keyRoutes } from './routes/keys.js';
import { loginRoutes } from './routes/login.js';
import { oauthMetadataRoutes } from './routes/oauth-metadata.js';
import { oversightRoutes } from './routes/oversight.js';
import { policyRoutes } from './routes/policy.js';
import { relayRoutes } from './routes/relays.js';
import { requestRoutes } from './routes/requests.js';
import { secretRoutes } from './routes/secrets.js';
import { sessionRoutes } from './routes/sessions.js';
import { signalRoutes } from './routes/signals.js';
import { sshRoutes } from './routes/ssh.js';
import { targetRoutes } from './routes/targets.js';
import { tokenRoutes } from './routes/tokens.js';
import { nothing } from './schemas/common.js';
import type { GatewayServices } from './services.js';

/** Every route of the gateway, with who may call it. What is not in this table is not served. */
export function routeTable(services: GatewayServices, version: string): readonly ApiRoute[] {
  const routes: ApiRoute[] = [
    ...healthRoutes(services),
    ...loginRoutes(services),
    ...tokenRoutes(services),
    ...oauthMetadataRoutes(services),
    ...targetRoutes(services),
    ...doctorRoutes(services),
    ...copyRoutes(services),
    ...sshRoutes(services),
    ...relayRoutes(services),
    ...execRoutes(services),
    ...requestRoutes(services),
    ...accessRoutes(services),
    ...botRoutes(services),
    ...sessionRoutes(services),
    ...evidenceRoutes(services),
    ...keyRoutes(services),
    ...oversightRoutes(services),
    ...policyRoutes(services),
    ...bundleRoutes(services),
    ...secretRoutes(services),
    ...signalRoutes(services),
  ];
  routes.push(
    publicRoute({
      method: 'GET',
      path: '/openapi.json',
      summary: 'This description',
      params: nothing,
      query: nothing,
      body: nothing,
      response: null,
      async handle() {
        const text = JSON.stringify(describeApi(routes, version, services.bootstrap.publicUrl));
        return { kind: 'text', type: 'application/json; charset=utf-8', text };
      },
    }),
  );
  return routes;
}
