import { digestOf } from '../../policy/bundle.js';
import type { Principal } from '../../policy/types.js';
import { decideOnGateway } from '../authorise.js';
import type { ApplyOrder, ApplyOutcome } from '../bundle-admin.js';
import { type ApiRoute, ok, route } from '../api-route.js';
import { instant } from '../request-view.js';
import {
  applyBody,
  applyDocument,
  bundleDocument,
  bundleVersionsDocument,
  maxBundleChars,
  rollbackBody,
  versionsFilter,
} from '../schemas/bundle.js';
import { nothing } from '../schemas/common.js';
import type { GatewayServices } from '../services.js';

/** The configuration in force: reading, replacing and taking it back. */
export function bundleRoutes(services: GatewayServices): readonly ApiRoute[] {
  const { audit, bundles, configuration, history } = services;
  return [
    versionsRoute(services),
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
        return ok('sluice.apply/v1', view(services, principal, bundles.apply(files, orderOf(principal, body))));
      },
    }),
    route({
      method: 'POST',
      path: '/v1/bundle/rollback',
      access: 'apply',
      summary: 'Put an earlier version in force again; with dry_run, only say what would change',
      params: nothing,
      query: nothing,
      body: rollbackBody,
      response: applyDocument,
      async handle({ principal }, { body }) {
        return ok(
          'sluice.apply/v1',
          view(services, principal, bundles.rollback(body.version, orderOf(principal, body))),
        );
      },
    }),
  ];
}

function versionsRoute({ audit, configuration, history }: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/bundle/versions',
    access: 'readPolicy',
    summary: 'Bundles that were applied, newest first',
    params: nothing,
    query: versionsFilter,
    body: nothing,
    response: bundleVersionsDocument,
    async handle({ principal }, { query }) {
      audit.record(principal, 'policy.read', 'versions', {});
      const { version: current } = configuration.current();
      const newest = history.list().toReversed();
      const inForce = newest.findIndex(({ version }) => version === current);
      const versions = newest.slice(0, query.limit).map(({ version, appliedAt, by, message }, index) => ({
        ...{ version, digest: digestOf(history.files(version) ?? new Map()), applied_at: instant(appliedAt) },
        ...{ by, message, in_force: index === inForce },
      }));
      return ok('sluice.bundle_versions/v1', { versions });
    },
  });
}

function orderOf(by: Principal, body: { readonly dry_run: boolean; readonly message: string | null }): ApplyOrder {
  return { by, dryRun: body.dry_run, message: body.message };
}

/** Who may apply but not read policy hears which files and things differ, and not what stood there. */
function view({ configuration }: GatewayServices, principal: Principal, outcome: ApplyOutcome) {
  const mayRead = decideOnGateway(configuration.current().policies, principal, 'readPolicy').verdict === 'allow';
  return {
    version: outcome.version,
    previous_version: outcome.previousVersion,
    changed: outcome.changed.map(({ file, change, hunks }) => ({
      ...{ file, change },
      hunks: mayRead ? hunks.map(({ lines, ...at }) => ({ ...at, lines: [...lines] })) : null,
    })),
    things: outcome.things.map((thing) => ({ ...thing, words: mayRead ? thing.words : '' })),
    applied: outcome.applied,
    secrets_to_set: [...outcome.secretsToSet],
  };
}
