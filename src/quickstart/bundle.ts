import { bindingsYaml, classificationYaml, targetsYaml } from './bundle/configuration.js';
import { basePolicies, gatewayPolicies, guardrailPolicies } from './bundle/policies.js';

/** The bundle that quickstart begins with, path → text: small enough to read, good enough to copy. */
export function starterBundle({ pgPort }: { readonly pgPort: number }): ReadonlyMap<string, string> {
  return new Map([
    ['bindings.yaml', bindingsYaml],
    ['classification.yaml', classificationYaml],
    ['policies/base.cedar', basePolicies],
    ['policies/gateway.cedar', gatewayPolicies],
    ['policies/guardrails.cedar', guardrailPolicies],
    ['targets.yaml', targetsYaml(pgPort)],
  ]);
}
