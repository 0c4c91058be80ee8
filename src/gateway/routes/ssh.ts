import { type ApiRoute, ok, route } from '../api-route.js';
import { nothing } from '../schemas/common.js';
import {
  certificateBody,
  certificateDocument,
  keyBody,
  keyListDocument,
  keyParams,
  sshDocument,
} from '../schemas/ssh.js';
import { keyProofNamespace } from '../registered-keys.js';
import type { GatewayServices } from '../services.js';
import { certificateIdentity } from '../ssh-listener.js';
import { instant } from '../request-view.js';

/** What SSH clients need of the gateway: its host key, and what lets those in who come without a tunnel. */
export function sshRoutes(services: GatewayServices): readonly ApiRoute[] {
  const { sshHostKey, sshAuthority, audit, clock, bootstrap } = services;
  return [
    ...keyRoutes(services),
    route({
      method: 'GET',
      path: '/v1/ssh',
      access: 'authenticated',
      summary: 'The host key that the gateway shows to SSH clients',
      params: nothing,
      query: nothing,
      body: nothing,
      response: sshDocument,
      handle: () =>
        Promise.resolve(
          ok('sluice.ssh/v1', {
            host_key: sshHostKey.publicKey,
            host_key_fingerprint: sshHostKey.fingerprint,
            port: bootstrap.listeners.ssh?.port ?? null,
          }),
        ),
    }),
    route({
      method: 'POST',
      path: '/v1/ssh/certificate',
      access: 'authenticated',
      summary: 'A certificate of a few minutes for the native SSH listener',
      params: nothing,
      query: nothing,
      body: certificateBody,
      response: certificateDocument,
      async handle({ principal, token }, { body }) {
        const holder = { name: principal.name, identity: certificateIdentity(token), untilMs: token.expiresAt };
        const issued = sshAuthority.issue(body.public_key, holder, clock());
        // The trail knows of it before it is given out.
        audit.record(principal, 'ssh.certificate', principal.name, { public_key: body.public_key.trim() });
        const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
        return ok('sluice.ssh_certificate/v1', {
          certificate: issued.certificate,
          valid_after: at(issued.validAfter),
          valid_before: at(issued.validBefore),
        });
      },
    }),
  ];
}

/** People's own keys; nobody sees or changes somebody else's. */
function keyRoutes({ registeredKeys, audit, bootstrap }: GatewayServices): readonly ApiRoute[] {
  const list = (owner: string) =>
    ok('sluice.ssh_keys/v1', {
      statement: registeredKeys.statement(owner),
      namespace: keyProofNamespace,
      seen_within_minutes: bootstrap.listeners.ssh?.registeredKeys?.seenWithinMinutes ?? null,
      keys: registeredKeys.list(owner).map((key) => ({
        ...{ id: key.id, fingerprint: key.fingerprint, public_key: key.publicKey, label: key.label },
        added_at: instant(key.addedAt),
        expires_at: key.expiresAt === null ? null : instant(key.expiresAt),
        used_at: key.usedAt === null ? null : instant(key.usedAt),
      })),
    });
  return [
    route({
      method: 'GET',
      path: '/v1/ssh/keys',
      access: 'authenticated',
      summary: 'Your own keys for the native SSH listener',
      params: nothing,
      query: nothing,
      body: nothing,
      response: keyListDocument,
      handle: async ({ principal }) => list(principal.id),
    }),
    route({
      method: 'POST',
      path: '/v1/ssh/keys',
      access: 'authenticated',
      summary: 'Register a key of yours for the native SSH listener',
      params: nothing,
      query: nothing,
      body: keyBody,
      response: keyListDocument,
      async handle({ principal, token }, { body }) {
        const { public_key: publicKey, proof, label, expires_at: expires } = body;
        const expiresAt = expires === null ? null : Date.parse(expires);
        const detail = { public_key: publicKey.trim(), label, expires_at: expires ?? '' };
        audit.attempt(principal, 'ssh.key.add', principal.name, detail, () =>
          registeredKeys.add({ principal, token }, { publicKey, proof, label, expiresAt }),
        );
        return list(principal.id);
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/ssh/keys/:id',
      access: 'authenticated',
      summary: 'Remove a key of yours, and end what came with it',
      params: keyParams,
      query: nothing,
      body: nothing,
      response: keyListDocument,
      async handle({ principal }, { params }) {
        audit.attempt(principal, 'ssh.key.remove', principal.name, { key: params.id }, () =>
          registeredKeys.remove(principal.id, params.id),
        );
        return list(principal.id);
      },
    }),
  ];
}
