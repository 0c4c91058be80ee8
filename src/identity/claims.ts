import type { JWTPayload } from 'jose';
import type { VerifiedToken } from './types.js';

/** How one issuer's claims are read. */
export interface ClaimMapping {
  readonly groupsClaim: string;
  readonly nameClaim: string;
  readonly machineClaim: string | null;
  /** Only the gateway's own tokens say for whom a machine acts. */
  readonly trustsOnBehalfOf?: boolean;
}

const maxGroups = 1000;

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Groups come as an array (most providers) or as one string, separated by spaces or commas. */
function groupsOf(value: unknown): readonly string[] {
  const items = typeof value === 'string' ? value.split(/[\s,]+/) : Array.isArray(value) ? value : [];
  const names = items.filter((item): item is string => typeof item === 'string' && item !== '');
  return [...new Set(names)].slice(0, maxGroups);
}

/** Before the client's id, the name of the user that Keycloak makes for a client of its own accord. */
const keycloakClientPrefix = 'service-account-';
/** What providers say of a person, and of no client: OpenID Connect Core 2 and 5.1, then Okta's and Entra's own. */
const humanClaims = ['email', 'preferred_username', 'name', 'given_name', 'uid', 'upn', 'unique_name'];

/**
 * RFC 9068 2.2: `sub` of a token issued to a client itself is its `client_id`. Providers that predate it name the client
 * in a claim of theirs and give a subject of their own; there, nothing about a person and no `openid` scope means a client.
 */
function isMachine(payload: JWTPayload, mapping: ClaimMapping): boolean {
  // RFC 8693 4.1: with `act` someone else acts for the subject; no person sits there.
  if (isSet(payload['act'])) return true;
  if (mapping.machineClaim !== null && isSet(payload[mapping.machineClaim])) return true;
  if (isProvidersClient(payload)) return true;
  const client = clientOf(payload);
  if (client === null) return false;
  if (payload.sub === client) return true;
  return text(payload['client_id']) === null && !hasOpenId(payload) && !hasHumanClaim(payload);
}

/** What Keycloak, Auth0 and Entra say of a client, whatever else their tokens hold. */
function isProvidersClient(payload: JWTPayload): boolean {
  const isKeycloaks = text(payload['preferred_username'])?.startsWith(keycloakClientPrefix) === true;
  return isKeycloaks || payload['gty'] === 'client-credentials' || payload['idtyp'] === 'app';
}

/** RFC 9068 2.2, OpenID Connect Core 2, Okta (`cid`), Entra's first version (`appid`). */
function clientOf(payload: JWTPayload): string | null {
  const [client = null] = ['client_id', 'azp', 'cid', 'appid'].flatMap((claim) => text(payload[claim]) ?? []);
  return client;
}

/** When, to which client and for which scope (RFC 9068 2.2); nothing where one of the first two is not said. */
function grantOf(payload: JWTPayload): Pick<VerifiedToken, 'issuedAt' | 'grantedTo'> {
  const client = clientOf(payload);
  if (client === null || payload.iat === undefined) return {};
  const scopes = [payload['scope'], payload['scp']].flat().flatMap((scope) => text(scope)?.split(' ') ?? []);
  return { issuedAt: payload.iat * 1000, grantedTo: JSON.stringify([client, ...new Set(scopes.sort())]) };
}

/** `scope` is one string (RFC 9068 2.2.3), `scp` one as well (Entra) or a list (Okta). */
function hasOpenId(payload: JWTPayload): boolean {
  const scopes = [payload['scope'], payload['scp']].flat();
  return scopes.some((scope) => text(scope)?.split(' ').includes('openid') === true);
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && value !== 'false' && value !== 0;
}

/** `auth_time`: when a person has logged in (OpenID Connect Core 2). */
function hasHumanClaim(payload: JWTPayload): boolean {
  return isSet(payload['auth_time']) || humanClaims.some((claim) => text(payload[claim]) !== null);
}

function onBehalfOf(claim: unknown): Pick<VerifiedToken, 'onBehalfOf'> {
  if (typeof claim !== 'object' || claim === null || !('id' in claim) || !('name' in claim)) return {};
  const [id, name] = [text(claim.id), text(claim.name)];
  return id === null || name === null ? {} : { onBehalfOf: { id, name } };
}

/**
 * By this name bindings and policies know somebody. An address that its provider says it has not verified (OpenID Connect
 * Core 5.1) is what anybody may have typed into their profile, so who shows one has no name but their subject.
 */
function nameOf(payload: JWTPayload, { nameClaim }: ClaimMapping): string | null {
  const isVerified = !(payload['email_verified'] === false || payload['email_verified'] === 'false');
  if (nameClaim === 'email' && !isVerified && text(payload['email']) !== null) return null;
  return text(payload[nameClaim]) ?? text(payload['preferred_username']) ?? text(payload['client_id']);
}

const maxActors = 10;

/** Every name by which the person may be known elsewhere, and those who act for them (RFC 8693 4.1: `act`, nested). */
function aliasesOf(payload: JWTPayload, name: string): readonly string[] {
  const names = [text(payload['email']), text(payload['preferred_username'])];
  let actor = payload['act'];
  for (let depth = 0; depth < maxActors && typeof actor === 'object' && actor !== null; depth++) {
    const { sub, email, client_id: client, act } = actor as Readonly<Record<string, unknown>>;
    names.push(text(sub), text(email), text(client));
    actor = act;
  }
  return [...new Set(names.filter((known) => known !== null && known !== name && known !== payload.sub))] as string[];
}

/** Reads what policy needs from claims whose signature, issuer, audience and times have been checked. */
export function readClaims(
  payload: JWTPayload & { iss: string; sub: string; exp: number },
  mapping: ClaimMapping,
): VerifiedToken {
  const amr = payload['amr'];
  const name = nameOf(payload, mapping) ?? payload.sub;
  const aliases = aliasesOf(payload, name);
  return {
    issuer: payload.iss,
    subject: payload.sub,
    name,
    ...(aliases.length === 0 ? {} : { aliases }),
    kind: isMachine(payload, mapping) ? 'machine' : 'human',
    mfa: Array.isArray(amr) && amr.includes('mfa'), // RFC 8176
    claimGroups: groupsOf(payload[mapping.groupsClaim]),
    expiresAt: payload.exp * 1000,
    ...grantOf(payload),
    ...(mapping.trustsOnBehalfOf === true ? onBehalfOf(payload['on_behalf_of']) : {}),
  };
}
