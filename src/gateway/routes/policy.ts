import { checkPolicies } from '../../policy/bundle.js';
import { type ApiRoute, ok, route, whole } from '../api-route.js';
import { viewExplanation } from '../explanation-view.js';
import { maxBundleChars } from '../schemas/bundle.js';
import { nothing } from '../schemas/common.js';
import { explainBody, explainDocument, policyCheckBody, policyCheckDocument } from '../schemas/policy.js';
import type { GatewayServices } from '../services.js';

/** Checking files uses nothing of the gateway's own; explaining tells only what the caller would be told anyway. */
export function policyRoutes({ configuration, engines, targets }: GatewayServices): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      path: '/v1/policy/check',
      access: 'authenticated',
      summary: 'Check a bundle without applying it',
      params: nothing,
      query: nothing,
      body: policyCheckBody,
      response: policyCheckDocument,
      // JSON escapes can double a text.
      bodyLimitBytes: 2 * maxBundleChars,
      async handle(_call, { body }) {
        const { valid, problems } = checkPolicies(new Map(Object.entries(body.files)));
        return ok('sluice.policy_check/v1', { valid, problems: problems.map((problem) => ({ ...problem })) });
      },
    }),
    route({
      method: 'POST',
      path: '/v1/policy/explain',
      access: 'authenticated',
      summary: 'What policy would decide about a text, and why, without running it',
      params: nothing,
      query: nothing,
      body: explainBody,
      response: explainDocument,
      async handle({ principal }, { body }) {
        const { target, classification } = targets.find(body.target, principal);
        const explanation = await engines
          .of(target)
          .explain(principal, target, classification, body.text, body.parameters);
        return whole(viewExplanation(explanation, configuration.current().policies.version));
      },
    }),
  ];
}
