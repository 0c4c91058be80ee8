import { type ApiRoute, ok, route } from '../api-route.js';
import { nothing } from '../schemas/common.js';
import { certificateBody, certificateDocument, sshDocument } from '../schemas/ssh.js';
import type { GatewayServices } from '../services.js';
import { certificateIdentity } from '../ssh-listener.js';

/** What SSH clients need of the gateway: its host key, and certificates for those who come without a tunnel. */
export function sshRoutes({ sshHostKey, sshAuthority, audit, clock, bootstrap }: GatewayServices): readonly ApiRoute[] {
  return [
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
