import { countApprovals } from '../../approvals/quorum.js';
import { type ApiRoute, ok, publicRoute } from '../api-route.js';
import { botDecisionBody, botDecisionDocument, botParams } from '../schemas/bots.js';
import { nothing } from '../schemas/common.js';
import type { GatewayServices } from '../services.js';

/** What bots bring. The body carries its own proof: no token is asked for. */
export function botRoutes({ approvals, bots }: GatewayServices): readonly ApiRoute[] {
  return [
    publicRoute({
      method: 'POST',
      path: '/v1/bots/:name/decisions',
      summary: 'A decision that a person made at a chat, signed by its bot',
      params: botParams,
      query: nothing,
      body: botDecisionBody,
      response: botDecisionDocument,
      bodyLimitBytes: 64 * 1024,
      async handle(_call, { params, body }) {
        const { request, by, decision } = await bots.decide(params.name, body.decision);
        // An approval of access has taken effect already.
        const now = approvals.get(request.id) ?? request;
        const counts = countApprovals(now, approvals.votesNow(now));
        const required = now.approvals.map(({ group, count }) => ({ group, count, have: counts.get(group) ?? 0 }));
        return ok('sluice.decision/v1', {
          ...{ request_id: now.id, state: now.state, decision, bot: params.name, on_behalf_of: by.name, required },
        });
      },
    }),
  ];
}
