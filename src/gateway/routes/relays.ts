import { type ApiRoute, ok, route } from '../api-route.js';
import { nothing } from '../schemas/common.js';
import { relayListDocument } from '../schemas/relays.js';
import type { GatewayServices } from '../services.js';

/** Which relays there are, and which of them are connected. */
export function relayRoutes({ relays, configuration }: GatewayServices): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/relays',
      access: 'readPolicy',
      summary: 'Relays, and what serves them now',
      params: nothing,
      query: nothing,
      body: nothing,
      response: relayListDocument,
      handle() {
        const { relays: rules, targets } = configuration.current();
        const all = [...rules].map(([name, groups]) => ({
          name,
          groups: [...groups],
          targets: [...targets.values()].filter(({ relay }) => relay?.name === name).map((target) => target.name),
          connections: relays
            .connectionsOf(name)
            .map((connection) => ({ ...connection, since: new Date(connection.since).toISOString() })),
        }));
        return Promise.resolve(ok('sluice.relays/v1', { relays: all }));
      },
    }),
  ];
}
