import type { Audit } from './audit.js';
import type { ApiRoute } from './api-route.js';
import { decideOnGateway, type GatewayAction, refusedOnGateway } from './authorise.js';
import type { Caller, Callers } from './callers.js';

export interface Authorising {
  readonly callers: Callers;
  readonly audit: Audit;
}

/** Whether a caller may use a route, and on whose things; a refusal is recorded. */
export function authorise(
  route: Pick<ApiRoute, 'access' | 'method' | 'path'>,
  caller: Caller,
  { audit, callers }: Authorising,
): 'all' | 'own' {
  if (route.access === 'none' || route.access === 'authenticated') return 'all';
  const ownAllowed = route.access.startsWith('own or ');
  const action = (ownAllowed ? route.access.slice('own or '.length) : route.access) as GatewayAction;
  const decision = decideOnGateway(callers.policies(), caller.principal, action);
  if (decision.verdict === 'allow') return 'all';
  if (ownAllowed) return 'own';
  audit.record(caller.principal, 'api.refused', `${route.method} ${route.path}`, { action }, 'refused');
  throw refusedOnGateway(decision, action);
}
