import { SluiceError } from '../../lib/errors.js';
import type { ApprovalRequest } from '../../approvals/types.js';
import { type ApiRoute, type Call, route, whole } from '../api-route.js';
import { runExec } from '../exec/run.js';
import { viewExplanation } from '../explanation-view.js';
import { nothing } from '../schemas/common.js';
import { type ExecBody, execBody, execDocument } from '../schemas/exec.js';
import { explainDocument } from '../schemas/policy.js';
import type { GatewayServices } from '../services.js';

interface Subject {
  readonly target: string;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
}

/** `POST /v1/exec`: one text as a session of its own, answered whole and bounded. */
export function execRoutes(services: GatewayServices): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      path: '/v1/exec',
      access: 'authenticated',
      summary: 'Run a text on a target; with dry_run, say what policy would decide',
      params: nothing,
      query: nothing,
      body: execBody,
      response: execDocument.or(explainDocument),
      async handle(call, { body }) {
        const { principal } = call;
        const subject = subjectOf(body, ownRequest(services, call, body));
        const found = services.targets.find(subject.target, principal);
        const { target } = found;
        if (body.dry_run) {
          const explanation = await services.engines
            .of(target)
            .explain(principal, target, found.classification, subject.text, subject.parameters);
          return whole(viewExplanation(explanation, services.configuration.current().policies.version));
        }
        const document = await services.execSlots.hold(principal.id, () =>
          runExec(
            { serve: services.engines.of(target).serve, connections: services.connections, clock: services.clock },
            {
              principal,
              target,
              classification: () => found.classification,
              text: subject.text,
              parameters: subject.parameters,
              bounds: { maxRows: body.limit, maxBytes: body.max_bytes },
              reason: body.reason,
              wait: body.wait,
              timeoutMs: body.timeout_ms,
              approvedRequest: body.request_id,
              readOnly: body.read_only,
              address: call.address,
              signal: call.signal,
            },
          ),
        );
        return whole(document);
      },
    }),
  ];
}

/** The caller's own request that the body names; what it approved is checked again when the gate spends it. */
function ownRequest({ approvals }: GatewayServices, call: Call, body: ExecBody): ApprovalRequest | null {
  if (body.request_id === null) return null;
  const request = approvals.get(body.request_id);
  if (request === null || request.principal.id !== call.principal.id) {
    throw new SluiceError('not_found', `no request ${body.request_id} of yours`, {
      next: [{ command: 'sluice requests list --mine', when: 'to see yours' }],
    });
  }
  return request;
}

function subjectOf(body: ExecBody, request: ApprovalRequest | null): Subject {
  const target = body.target ?? request?.target;
  if (target === undefined || (body.text === undefined && request === null)) {
    throw new SluiceError('usage', 'target and text are required');
  }
  if (request !== null && target !== request.target) {
    throw new SluiceError('usage', `request ${request.id} is for ${request.target}, not ${target}`);
  }
  if (body.text !== undefined) return { target, text: body.text, parameters: body.parameters };
  return { target, text: request?.text ?? '', parameters: request?.parameters ?? [] };
}
