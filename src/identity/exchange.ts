import { isSluiceError, SluiceError } from '../lib/errors.js';
import type { GatewayTokens } from './gateway-tokens.js';
import type { TokenVerifier } from './types.js';
import type { VerifiedClaims } from './verifier.js';
import { admitWorkload, type Workload, type WorkloadRule } from './workload-rules.js';

/** A platform that gives its workloads identities: GitHub Actions, a Kubernetes cluster, any issuer with published keys. */
export interface WorkloadIssuer {
  readonly url: string;
  readonly rules: readonly WorkloadRule[];
}

export interface ExchangeRequest {
  readonly subjectToken: string;
  /** With it the subject is a person for whom this workload acts. */
  readonly actorToken: string | null;
}

export interface Exchanged {
  readonly token: string;
  readonly expiresInSeconds: number;
  readonly name: string;
  /** `issuer#subject` of the workload. */
  readonly actor: string;
  readonly onBehalfOf: { readonly id: string; readonly name: string } | null;
}

export interface ExchangeParts {
  readonly issuers: readonly WorkloadIssuer[];
  readonly verifyWorkload: (token: string) => Promise<VerifiedClaims>;
  readonly people: TokenVerifier;
  readonly tokens: GatewayTokens;
  readonly lifetimeSeconds: number;
  readonly now: () => number;
}

/**
 * Exchanges a workload's identity for a token of the gateway's own (RFC 8693). With an actor token the subject is the person
 * for whom the workload acts. The machine stays the one that is judged: the person's rights are not lent to it, and what it
 * asks for that person cannot be approved by them.
 */
export async function exchangeToken(request: ExchangeRequest, parts: ExchangeParts): Promise<Exchanged> {
  const { claims, workload } = await admit(request.actorToken ?? request.subjectToken, parts);
  const person = request.actorToken === null ? null : await personOf(request.subjectToken, parts.people);
  const named =
    workload.onBehalfOf === null ? null : { id: `${claims.iss}#${workload.onBehalfOf}`, name: workload.onBehalfOf };
  const onBehalfOf = person === null ? named : { id: person.id, name: person.name };
  const actor = `${claims.iss}#${claims.sub}`;
  // A person's login that ends ends what was got with it.
  const left = person === null ? Number.POSITIVE_INFINITY : Math.floor((person.expiresAt - parts.now()) / 1000);
  const expiresInSeconds = Math.max(1, Math.min(parts.lifetimeSeconds, left));
  const { name, groups } = workload;
  const token = await parts.tokens.sign({ subject: actor, name, groups, onBehalfOf }, expiresInSeconds);
  return { token, expiresInSeconds, name, actor, onBehalfOf };
}

async function admit(
  token: string,
  { issuers, verifyWorkload }: ExchangeParts,
): Promise<{ readonly claims: VerifiedClaims; readonly workload: Workload }> {
  const claims = await verifyWorkload(token);
  const rules = issuers.filter(({ url }) => url === claims.iss).flatMap((issuer) => issuer.rules);
  const workload = admitWorkload(claims, rules);
  // Anybody can get a token of a public platform with any audience: what no rule names is a stranger.
  if (workload === null) throw new SluiceError('denied', 'no rule of this gateway admits this workload');
  return { claims, workload };
}

async function personOf(
  token: string,
  people: TokenVerifier,
): Promise<{ readonly id: string; readonly name: string; readonly expiresAt: number }> {
  const { issuer, subject, name, kind, expiresAt } = await people.verify(token);
  if (kind !== 'human') throw new SluiceError('denied', 'the subject of a delegation must be a person');
  return { id: `${issuer}#${subject}`, name, expiresAt };
}

/** RFC 6749 5.2 and RFC 8693 2.2.2: what a failed exchange is called. */
export function oauthErrorOf(thrown: unknown): { readonly error: string; readonly error_description: string } {
  if (isSluiceError(thrown, 'unavailable'))
    return { error: 'temporarily_unavailable', error_description: thrown.message };
  if (isSluiceError(thrown, 'usage')) return { error: 'invalid_request', error_description: thrown.message };
  if (isSluiceError(thrown)) return { error: 'invalid_grant', error_description: thrown.message };
  throw thrown;
}
