import type { Grant, GrantNote } from '../../approvals/grant-types.js';
import { isId } from '../../lib/ids.js';
import { SluiceError } from '../../lib/errors.js';
import { type ApiRoute, type Call, ok, route } from '../api-route.js';
import { instant, viewRequest } from '../request-view.js';
import {
  accessBody,
  accessDocument,
  accessFilter,
  grantDocument,
  grantListDocument,
  grantNoteBody,
  grantParams,
  type GrantSummary,
} from '../schemas/access.js';
import { nothing } from '../schemas/common.js';
import type { GatewayServices } from '../services.js';

/** Membership for a while: everybody sees and gives up their own; reviewers see and end all. */
export function accessRoutes(services: GatewayServices): readonly ApiRoute[] {
  return [askRoute(services), listRoute(services), ...noteRoutes(services)];
}

function askRoute({ desk, audit, eyes }: GatewayServices): ApiRoute {
  return route({
    method: 'POST',
    path: '/v1/access',
    access: 'authenticated',
    summary: 'Ask for membership in a group for a while; in an emergency, take it',
    params: nothing,
    query: nothing,
    body: accessBody,
    response: accessDocument,
    async handle({ principal }, { body }) {
      const order = { principal, name: body.name, durationMs: body.duration_ms, reason: body.reason };
      const detail = { reason: body.reason };
      if (body.emergency) {
        const grant = audit.attemptTold(principal, 'access.emergency', body.name, detail, () => desk.emergency(order));
        return ok('sluice.access/v1', { request: null, grant: viewGrant(grant) });
      }
      const request = audit.attemptTold(principal, 'request.create', body.name, detail, () => desk.request(order));
      return ok('sluice.access/v1', { request: viewRequest(request, eyes.see(request, principal)), grant: null });
    },
  });
}

function listRoute({ desk, grants }: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/access',
    access: 'own or review',
    summary: 'Grants, newest first, and what the caller may ask for',
    params: nothing,
    query: accessFilter,
    body: nothing,
    response: grantListDocument,
    async handle({ principal, scope }, { query }) {
      const listed = grants.list({
        limit: query.limit,
        activeOnly: !query.all && !query.review_due,
        ...(query.mine || scope === 'own' ? { principal: principal.id } : {}),
      });
      const shown = listed.map(viewGrant).filter((grant) => !query.review_due || grant.review_due);
      const offers = desk.offers(principal).map(({ group, rule }) => ({
        group,
        targets: [...rule.targets],
        max_ms: rule.max,
        approvers: Object.entries(rule.approvers).map(([approver, count]) => ({ group: approver, count })),
        emergency_max_ms: rule.emergency?.max ?? null,
      }));
      return ok('sluice.grants/v1', { grants: shown, can_request: offers });
    },
  });
}

/** What can be said about a grant: that it ends now, or what came of an emergency. */
function noteRoutes(services: GatewayServices): readonly ApiRoute[] {
  const notes = [
    { act: 'revoke', access: 'own or review', summary: 'End a grant before its time' },
    { act: 'review', access: 'review', summary: 'Say what came of an emergency; never about one’s own' },
  ] as const;
  return notes.map(({ act, access, summary }) =>
    route({
      ...{ method: 'POST', path: `/v1/access/:id/${act}`, access, summary },
      ...{ params: grantParams, query: nothing, body: grantNoteBody, response: grantDocument },
      async handle(call, { params, body }) {
        const { id, group } = visible(services, call, params.id);
        const grant = services.audit.attemptTold(call.principal, `access.${act}`, id, { group }, () =>
          services.grants[act](id, call.principal, body.comment),
        );
        return ok('sluice.grant/v1', { grant: viewGrant(grant) });
      },
    }),
  );
}

/** Another's grant does not exist for who may not review. */
function visible({ grants }: GatewayServices, call: Call, id: string): Grant {
  const grant = isId('grt', id) ? grants.get(id) : null;
  if (grant === null || (call.scope === 'own' && grant.principal.id !== call.principal.id)) {
    throw new SluiceError('not_found', `no grant ${id}`, {
      next: [{ command: 'sluice access list --all', when: 'to see yours' }],
    });
  }
  return grant;
}

function viewGrant(grant: Grant): GrantSummary {
  return {
    id: grant.id,
    group: grant.group,
    user: grant.principal.name,
    user_kind: grant.principal.kind,
    reason: grant.reason,
    request_id: grant.request,
    emergency: grant.emergency,
    state: grant.endedAt === null ? 'active' : grant.revoked === null ? 'ended' : 'revoked',
    starts_at: instant(grant.startsAt),
    ends_at: instant(grant.endsAt),
    ended_at: grant.endedAt === null ? null : instant(grant.endedAt),
    revoked: viewNote(grant.revoked),
    review_due: grant.emergency && grant.review === null,
    review: viewNote(grant.review),
  };
}

function viewNote(note: GrantNote | null): { by: string; comment: string; at: string } | null {
  return note === null ? null : { by: note.name, comment: note.comment, at: instant(note.at) };
}
