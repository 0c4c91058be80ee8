import { actionGroups, type ActionName } from '../../analysis/effects.js';
import { isReachedBySsh } from '../../lib/ssh-kinds.js';
import { narrowClassification } from '../../policy/classification.js';
import type { TargetConfig } from '../../sessions/types.js';
import { type ApiRoute, ok, route } from '../api-route.js';
import { decideOnTarget, decideReveal } from '../authorise.js';
import { nothing } from '../schemas/common.js';
import { targetDocument, targetFilter, targetListDocument, targetParams } from '../schemas/targets.js';
import type { GatewayServices } from '../services.js';

/** A list waits this long for a target that was never dialled; the dial goes on for the next one who asks. */
const statusWaitMs = 300;

/** The targets a caller may connect to; the others do not exist. */
export function targetRoutes(services: GatewayServices): readonly ApiRoute[] {
  return [listRoute(services), describeRoute(services)];
}

function listRoute({ statuses, targets }: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/targets',
    access: 'authenticated',
    summary: 'Targets the caller may connect to',
    params: nothing,
    query: targetFilter,
    body: nothing,
    response: targetListDocument,
    async handle({ principal }, { query }) {
      const labels = query.label === undefined ? [] : [query.label].flat();
      const found = targets
        .visible(principal)
        .filter((target) => query.kind === undefined || target.kind === query.kind)
        .filter((target) => labels.every((label) => hasLabel(target, label)))
        .filter((target) => query.search === undefined || matches(target, query.search))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      const summaries = await Promise.all(
        found.map(async ({ name, kind, labels: all, recording, host, port, relay }) => ({
          name,
          kind,
          labels: { ...all },
          recording,
          status: await statuses.of({ name, host, port, ...(relay && { relay }) }, statusWaitMs),
        })),
      );
      return ok('sluice.targets/v1', { targets: summaries });
    },
  });
}

function describeRoute({ configuration, targets, copies }: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/targets/:name',
    access: 'authenticated',
    summary: 'One target, and what the caller may do there',
    params: targetParams,
    query: nothing,
    body: nothing,
    response: targetDocument,
    async handle({ principal }, { params }) {
      const { target, classification } = targets.find(params.name, principal);
      const { policies } = configuration.current();
      const permissions = describedActions(target).map((action) => {
        const decision = decideOnTarget(policies, principal, target, action);
        const approvals = decision.verdict === 'hold' ? decision.approvals : [];
        return {
          action,
          group: groupOf(action),
          verdict: decision.verdict,
          policies: [...decision.policies],
          approvals: approvals.map(({ group, count }) => ({ group, count })),
        };
      });
      const columns = narrowClassification(classification, target).columns.map((column) => ({
        column: `${column.schema}.${column.table}.${column.column}`,
        class: column.class,
        mask: classification.classes[column.class]?.mask ?? 'redact',
        reveal: decideReveal(policies, principal, target, column).verdict,
      }));
      const copied = copies(target).map((copy) => ({
        column: `${copy.schema}.${copy.table}.${copy.column ?? '*'}`,
        class: copy.class,
        mask: copy.derived ? 'redact' : (classification.classes[copy.class]?.mask ?? 'redact'),
        reveal: decideReveal(policies, principal, target, { ...copy, column: copy.column ?? '*' }).verdict,
      }));
      return ok('sluice.target/v1', {
        name: target.name,
        kind: target.kind,
        labels: { ...target.labels },
        recording: target.recording,
        database: target.kind === 'postgres' ? target.database : null,
        permissions,
        protected_columns: [...columns, ...copied],
      });
    },
  });
}

/** What people ask about; the other actions follow from statements too special to list. */
function describedActions({ kind, recording }: TargetConfig): readonly ActionName[] {
  const { read, write, define, control, call, session, reveal, infer, unrecorded } = actionGroups;
  const { program, files, forwarding } = actionGroups;
  const always: readonly ActionName[] = isReachedBySsh(kind)
    ? ['connect', ...program, ...files, ...forwarding]
    : [...session, ...read, ...write, ...define, ...control, ...call, ...reveal, ...infer];
  return recording === 'off' ? [...unrecorded, ...always] : always;
}

/** The first group that has it: those whose only member they are come last. */
function groupOf(action: ActionName): string {
  const found = Object.entries(actionGroups).find(([, actions]) => (actions as readonly string[]).includes(action));
  return found?.[0] ?? action;
}

function hasLabel(target: TargetConfig, label: string): boolean {
  const at = label.indexOf('=');
  return target.labels[label.slice(0, at)] === label.slice(at + 1);
}

function matches(target: TargetConfig, search: string): boolean {
  const words = [target.name, target.kind, ...Object.entries(target.labels).map(([key, value]) => `${key}=${value}`)];
  return words.some((word) => word.toLowerCase().includes(search.toLowerCase()));
}
