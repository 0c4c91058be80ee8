import { isSameActor } from '../../approvals/people.js';
import { requireReason } from '../../approvals/reason.js';
import type { ApprovalRequest } from '../../approvals/types.js';
import { describeEffect } from '../../analysis/effects.js';
import { isId } from '../../lib/ids.js';
import { SluiceError } from '../../lib/errors.js';
import { placeOf } from '../../sessions/place.js';
import { type ApiRoute, type Call, ok, route } from '../api-route.js';
import { linkSignals } from '../deadline.js';
import { viewRequest } from '../request-view.js';
import { nothing } from '../schemas/common.js';
import {
  requestBody,
  requestDocument,
  requestFilter,
  requestListDocument,
  requestParams,
  requestWait,
  commentBody,
  voteBody,
} from '../schemas/requests.js';
import type { GatewayServices } from '../services.js';

const access = 'own or review';

/** Requests for approval: their requester sees their own, reviewers see all. */
export function requestRoutes(services: GatewayServices): readonly ApiRoute[] {
  return [
    listRoute(services),
    createRoute(services),
    readRoute(services),
    waitRoute(services),
    ...voteRoutes(services),
    ...takeBackRoutes(services),
  ];
}

function listRoute({ approvals, eyes }: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/requests',
    access,
    summary: 'Requests, newest first',
    params: nothing,
    query: requestFilter,
    body: nothing,
    response: requestListDocument,
    async handle(call, { query }) {
      const requests = approvals.list({
        limit: query.limit,
        ...(query.state === undefined ? {} : { state: query.state }),
        ...(query.mine || call.scope === 'own' ? { requester: call.principal.id } : {}),
      });
      // A machine's requests for one person are not for another's eyes.
      const isMine = ({ principal }: ApprovalRequest): boolean => isSameActor(principal, call.principal);
      const shown = query.mine || call.scope === 'own' ? requests.filter(isMine) : requests;
      return ok('sluice.requests/v1', {
        requests: shown.map((request) => viewRequest(request, eyes.see(request, call.principal))),
      });
    },
  });
}

function createRoute({ approvals, engines, eyes, targets }: GatewayServices): ApiRoute {
  return route({
    method: 'POST',
    path: '/v1/requests',
    access: 'authenticated',
    summary: 'Open a request for a held operation ahead of time',
    params: nothing,
    query: nothing,
    body: requestBody,
    response: requestDocument,
    async handle({ principal, address }, { body }) {
      const { target, classification } = targets.find(body.target, principal);
      // People are asked about what it does now; what the gateway remembers may be void by the time that it runs.
      const engine = engines.of(target);
      await engine.lookAgain?.(target, classification);
      const { decision, effects, secrets, objects } = await engine.explain(
        principal,
        target,
        classification,
        body.text,
        body.parameters,
      );
      if (decision.verdict === 'allow') {
        throw new SluiceError('conflict', 'this needs no approval: run it', {
          next: [{ command: `sluice exec ${target.name} …`, when: 'to run it' }],
        });
      }
      if (decision.verdict === 'deny') {
        throw new SluiceError('denied', decision.message, { decider: 'gateway', policy: decision.policies[0] ?? null });
      }
      requireReason(decision, { reason: body.reason, via: 'request' }, target.name);
      const request = approvals.open({
        principal,
        target: target.name,
        place: placeOf(target),
        text: body.text,
        parameters: body.parameters,
        effects: effects.map(({ effect }) => describeEffect(effect)),
        secrets: secrets ?? null,
        reuseMs: decision.reuseMs,
        ...(objects === undefined ? {} : { objects }),
        approvals: decision.approvals,
        policies: decision.policies,
        message: decision.message,
        reason: body.reason,
        session: null,
        client: { application: '', address, via: 'api' },
      });
      return ok('sluice.request/v1', { request: viewRequest(request, eyes.see(request, principal)), review: null });
    },
  });
}

function readRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/requests/:id',
    access,
    summary: 'One request',
    params: requestParams,
    query: nothing,
    body: nothing,
    response: requestDocument,
    async handle(call, { params }) {
      const request = visible(services, call, params.id);
      const seen = services.eyes.see(request, call.principal);
      const review = await services.reviews.of(request, seen, call.scope === 'own');
      return ok('sluice.request/v1', { request: viewRequest(request, seen), review });
    },
  });
}

function waitRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/requests/:id/wait',
    access,
    summary: 'One request, once it is decided or the time is up',
    params: requestParams,
    query: requestWait,
    body: nothing,
    response: requestDocument,
    async handle(call, { params, query }) {
      const before = visible(services, call, params.id);
      if (before.state === 'pending' && query.timeout_ms > 0) {
        const wait = linkSignals([call.signal, services.connections.drainSignal], query.timeout_ms);
        // Time up is an answer, not a failure: the caller asks again.
        await services.approvals
          .settled(params.id, wait.signal)
          .catch((error: unknown) => {
            if (!wait.signal.aborted) throw error;
          })
          .finally(wait.release);
      }
      return shown(services, call, visible(services, call, params.id));
    },
  });
}

/** Does something to a request that the caller may see, and has it on the audit trail whether it went well or not. */
function acted<T>(
  services: GatewayServices,
  call: Call,
  {
    id,
    act,
    comment,
  }: { readonly id: string; readonly act: 'approve' | 'deny' | 'cancel' | 'revoke'; readonly comment: string },
  work: (id: string) => T,
): T {
  const before = visible(services, call, id);
  const detail = { target: before.target, comment };
  return services.audit.attemptTold(call.principal, `request.${act}`, before.id, detail, () => work(before.id));
}

function voteRoutes(services: GatewayServices): readonly ApiRoute[] {
  return (['approve', 'deny'] as const).map((decision) =>
    route({
      method: 'POST',
      path: `/v1/requests/:id/${decision}`,
      access: 'review',
      summary: decision === 'approve' ? 'Approve a request' : 'Deny a request; a comment is required',
      params: requestParams,
      query: nothing,
      body: voteBody,
      response: requestDocument,
      async handle(call, { params, body }) {
        if (decision === 'deny' && body.for_ms > 0)
          throw new SluiceError('usage', 'for_ms says how long an approval stands: a denial has none');
        const request = acted(services, call, { id: params.id, act: decision, comment: body.comment }, (id) =>
          services.approvals.vote(id, call.principal, decision, body.comment, body.for_ms),
        );
        // An approval of access has taken effect already.
        return shown(services, call, services.approvals.get(request.id) ?? request);
      },
    }),
  );
}

/** Taking back: what one has asked for oneself, or what was approved. */
function takeBackRoutes(services: GatewayServices): readonly ApiRoute[] {
  return (['cancel', 'revoke'] as const).map((act) =>
    route({
      method: 'POST',
      path: `/v1/requests/:id/${act}`,
      access,
      summary: act === 'cancel' ? 'Withdraw a request of one’s own' : 'End an approval: nothing more runs by it',
      params: requestParams,
      query: nothing,
      body: commentBody,
      response: requestDocument,
      async handle(call, { params, body }) {
        const request = acted(services, call, { id: params.id, act, comment: body.comment }, (id) =>
          services.approvals[act](id, call.principal, body.comment),
        );
        return shown(services, call, request);
      },
    }),
  );
}

/** A request as the caller may see it. */
function shown({ eyes }: GatewayServices, call: Call, request: ApprovalRequest) {
  return ok('sluice.request/v1', { request: viewRequest(request, eyes.see(request, call.principal)), review: null });
}

/** Another's request does not exist for who may not review. */
function visible({ approvals }: GatewayServices, call: Call, id: string): ApprovalRequest {
  const request = isId('req', id) ? approvals.get(id) : null;
  if (request === null || (call.scope === 'own' && !isSameActor(request.principal, call.principal))) {
    throw new SluiceError('not_found', `no request ${id}`, {
      next: [{ command: 'sluice requests list', when: 'to see yours' }],
    });
  }
  return request;
}
