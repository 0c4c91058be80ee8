import type { VerifiedToken } from '../identity/types.js';
import type { AccessRules } from './access.js';
import type { Bots } from './bots.js';
import type { Principal } from './types.js';

/** bindings.yaml, parsed and validated: who belongs to which of our groups. */
export interface Bindings {
  readonly groups: Readonly<Record<string, GroupBinding>>;
  /** Accounts that are one person, machines that act for them included; each by name, subject or `issuer#subject`. */
  readonly people?: readonly (readonly string[])[];
  readonly access?: AccessRules;
  readonly bots?: Bots;
}

export interface GroupBinding {
  /** Only tokens of this issuer count; null: any configured issuer. */
  readonly issuer: string | null;
  readonly claims: { readonly groups: readonly string[] };
  /** People, by the token's name or by `issuer#subject`. */
  readonly users: readonly string[];
  /** Machines, by the token's name, its subject or `issuer#subject`. */
  readonly machines: readonly string[];
}

/**
 * Who a token stands for. Only groups that bindings.yaml names exist here: a claim alone never makes one, so a group that
 * the identity provider adds tomorrow means nothing until someone has bound it.
 */
export function resolvePrincipal(token: VerifiedToken, { bindings }: { readonly bindings: Bindings }): Principal {
  const id = `${token.issuer}#${token.subject}`;
  const groups = Object.entries(bindings.groups)
    .filter(([, binding]) => isMember(token, id, binding))
    .map(([group]) => group)
    .sort();
  const own = [id, token.subject, token.name, ...(token.aliases ?? [])].map((known) => known.toLowerCase());
  const accounts = (bindings.people ?? []).filter((person) => person.some((name) => own.includes(name.toLowerCase())));
  const aliases = [...new Set([...(token.aliases ?? []), ...accounts.flat()])];
  const { name, kind, issuer, mfa, onBehalfOf } = token;
  return {
    ...{ id, name, kind, issuer, mfa, groups },
    ...(aliases.length === 0 ? {} : { aliases }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
  };
}

function isMember(token: VerifiedToken, id: string, binding: GroupBinding): boolean {
  if (binding.issuer !== null && binding.issuer !== token.issuer) return false;
  if (binding.claims.groups.some((group) => token.claimGroups.includes(group))) return true;
  if (token.kind === 'human') return binding.users.some((user) => user === token.name || user === id);
  return binding.machines.some((machine) => machine === token.name || machine === token.subject || machine === id);
}
