import type { ApplyOutcome } from '../bundle-admin.js';
import { type ApiRoute, ok, route } from '../api-route.js';
import { instant } from '../request-view.js';
import { applyBody, applyDocument, bundleDocument, maxBundleChars, rollbackBody } from '../schemas/bundle.js';
import { nothing } from '../schemas/common.js';
import type { GatewayServices } from '../services.js';

/** The configuration in force: reading, replacing and taking it back. */
export function bundleRoutes(services: GatewayServices): readonly ApiRoute[] {
  const { audit, bundles, configuration, history } = services;
  return [
    route({
      method: 'GET',
      path: '/v1/bundle',
      access: 'readPolicy',
      summary: 'The bundle in force, and the versions before it',
      params: nothing,
      query: nothing,
      body: nothing,
      response: bundleDocument,
      async handle({ principal }) {
        const { files, version } = configuration.current();
        audit.record(principal, 'policy.read', version, {});
        const versions = history
          .list()
          .map((entry) => ({ version: entry.version, applied_at: instant(entry.appliedAt), by: entry.by }));
        return ok('sluice.bundle/v1', { version, versions, files: Object.fromEntries(files) });
      },
    }),
    route({
      method: 'POST',
      path: '/v1/bundle',
      access: 'apply',
      summary: 'Apply a bundle; with dry_run, only say what would change',
      params: nothing,
      query: nothing,
      body: applyBody,
      response: applyDocument,
      // JSON escapes can double a text.
      bodyLimitBytes: 2 * maxBundleChars,
      async handle({ principal }, { body }) {
        const files = new Map(Object.entries(body.files));
        return ok(
          'sluice.apply/v1',
          view(bundles.apply(files, { by: principal, dryRun: body.dry_run, message: body.message })),
        );
      },
    }),
    route({
      method: 'POST',
      path: '/v1/bundle/rollback',
      access: 'apply',
      summary: 'Put an earlier version in force again',
      params: nothing,
      query: nothing,
      body: rollbackBody,
      response: applyDocument,
      async handle({ principal }, { body }) {
        return ok('sluice.apply/v1', view(bundles.rollback(body.version, principal)));
      },
    }),
  ];
}

function view(outcome: ApplyOutcome) {
  return {
    version: outcome.version,
    previous_version: outcome.previousVersion,
    changed: outcome.changed.map((change) => ({ ...change })),
    applied: outcome.applied,
  };
}
