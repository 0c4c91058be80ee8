import { type ApiRoute, ok, publicRoute } from '../api-route.js';
import { SluiceError } from '../../lib/errors.js';
import { nothing } from '../schemas/common.js';
import { healthDocument, readyDocument } from '../schemas/health.js';
import type { GatewayServices } from '../services.js';

/** For orchestrators and scrapers; none of it names a user, a target or a session. */
export function healthRoutes(services: GatewayServices): readonly ApiRoute[] {
  const common = { method: 'GET', params: nothing, query: nothing, body: nothing } as const;
  return [
    publicRoute({
      ...common,
      path: '/healthz',
      summary: 'The process answers',
      response: healthDocument,
      async handle() {
        return ok('sluice.health/v1', {});
      },
    }),
    publicRoute({
      ...common,
      path: '/readyz',
      summary: 'The gateway takes new sessions',
      response: readyDocument,
      async handle() {
        const [reason] = await services.unreadiness();
        if (reason !== undefined) throw new SluiceError('unavailable', reason);
        return ok('sluice.ready/v1', {});
      },
    }),
    publicRoute({
      ...common,
      path: '/metrics',
      summary: 'Metrics in Prometheus’ text format',
      response: null,
      async handle() {
        const { registry } = services.metrics;
        return { kind: 'text', type: registry.contentType, text: await registry.metrics() };
      },
    }),
  ];
}
