import { Readable } from 'node:stream';
import { isSluiceError, SluiceError } from '../../lib/errors.js';
import { isSameActor } from '../../approvals/people.js';
import { noFacts } from '../../policy/types.js';
import type { ApprovalRequest } from '../../approvals/types.js';
import { type Answer, type ApiRoute, type Call, route, whole } from '../api-route.js';
import type { ExecOrder, ExecServices } from '../exec/order.js';
import type { ExecObserver } from '../exec/observer.js';
import { runExec } from '../exec/run.js';
import { streamExec } from '../exec/stream.js';
import { viewExplanation } from '../explanation-view.js';
import { nothing } from '../schemas/common.js';
import { type ExecBody, execBody, type ExecDocument, execDocument, fetchBody } from '../schemas/exec.js';
import { explainDocument } from '../schemas/policy.js';
import type { GatewayServices } from '../services.js';

interface Subject {
  readonly target: string;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
}

/** `POST /v1/exec`: one text as a session of its own, answered whole and bounded, or streamed. */
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
          const engine = services.engines.of(target);
          await engine.lookAgain?.(target, found.classification);
          const explanation = await engine.explain(
            principal,
            target,
            found.classification,
            subject.text,
            subject.parameters,
          );
          const effects = explanation.effects.map(({ effect }) => effect);
          const query = { principal, target, effects, approvals: [], session: noFacts, reason: body.reason };
          return whole(viewExplanation(query, services.configuration.current(), explanation.maskedColumns));
        }
        // The streamed form is a PostgreSQL client's; whatever another engine speaks would be spoken to in SQL.
        if (body.stream && target.kind !== 'postgres')
          throw new SluiceError('usage', `What runs on ${target.name} is answered whole; ask without stream.`, {
            decider: 'gateway',
            next: [{ command: `sluice exec ${target.name} -- …`, when: 'to run a command there' }],
          });
        const exec: ExecServices = {
          serve: services.engines.of(target).serve,
          connections: services.connections,
          cursors: services.cursors,
          clock: services.clock,
        };
        const order: ExecOrder = {
          principal,
          target,
          classification: () => found.classification,
          text: subject.text,
          parameters: subject.parameters,
          bounds: { maxRows: body.limit, maxBytes: body.max_bytes },
          reason: body.reason,
          application: body.application,
          meta: body.meta,
          wait: body.wait,
          timeoutMs: body.timeout_ms,
          approvedRequest: body.request_id,
          readOnly: body.read_only,
          keepOpen: body.cursor,
          address: call.address,
          signal: call.signal,
        };
        if (body.stream) return streamed(services, exec, order);
        const { idempotency_key: key } = body;
        if (key === null) return whole(await services.execSlots.hold(principal.id, () => runExec(exec, order)));
        return whole(await runOnce(services, exec, { ...order, key }));
      },
    }),
    route({
      method: 'POST',
      path: '/v1/exec/fetch',
      access: 'authenticated',
      summary: 'Go on with a result that was cut',
      params: nothing,
      query: nothing,
      body: fetchBody,
      response: execDocument,
      async handle(call, { body }) {
        const { principal, signal } = call;
        const bounds = { maxRows: body.limit, maxBytes: body.max_bytes };
        const order = { principal, bounds, timeoutMs: body.timeout_ms, signal };
        return whole(await services.execSlots.hold(principal.id, () => services.cursors.fetch(body.cursor, order)));
      },
    }),
  ];
}

/**
 * Under a key the run does not end with its caller: whoever lost the connection comes again with the key and gets the
 * outcome. What is refused before anything reached the target leaves the key free.
 */
async function runOnce(
  services: GatewayServices,
  exec: ExecServices,
  { key, ...order }: ExecOrder & { readonly key: string },
): Promise<ExecDocument> {
  const { principal, target, text, parameters, readOnly, bounds } = order;
  const keyed = {
    principal,
    key,
    input: [target.name, text, parameters, readOnly, bounds.maxRows, bounds.maxBytes, principal.onBehalfOf?.id ?? null],
    basis: JSON.stringify([services.configuration.current().policies.version, principal.groups]),
  };
  return services.idempotency.run(keyed, async () => {
    let heard: ExecObserver | null = null;
    const lasting = { ...order, signal: new AbortController().signal };
    try {
      const outcome = await services.execSlots.hold(principal.id, () =>
        runExec(exec, lasting, (observer) => (heard = observer)),
      );
      return { outcome, forwarded: true };
    } catch (error) {
      const outcome = isSluiceError(error)
        ? error
        : new SluiceError('unexpected', 'the gateway failed', { cause: error });
      return { outcome, forwarded: wasForwarded(heard) };
    }
  });
}

const wasForwarded = (heard: ExecObserver | null): boolean => heard !== null && heard.forwarded;

/** Answers with the first line's success or failure; the slot is held until the last line has gone. */
function streamed(services: GatewayServices, exec: ExecServices, order: ExecOrder): Promise<Answer<never>> {
  return new Promise((resolve, reject) => {
    const held = services.execSlots.hold(order.principal.id, async () => {
      const lines = streamExec(exec, order);
      const first = await lines.next();
      await new Promise<void>((ended) => {
        const stream = Readable.from(serialised(first, lines), { objectMode: false });
        stream.once('close', () => {
          // A stream that nobody ever read has not begun, and would not end, what it reads from.
          void lines.return(undefined);
          ended();
        });
        resolve({ kind: 'stream', type: 'application/x-ndjson; charset=utf-8', fileName: 'rows.jsonl', stream });
      });
    });
    held.catch(reject);
  });
}

async function* serialised<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<string> {
  try {
    if (first.done !== true) yield `${JSON.stringify(first.value)}\n`;
    for await (const line of rest) yield `${JSON.stringify(line)}\n`;
  } finally {
    await rest.return(undefined);
  }
}

/** The caller's own request that the body names; what it approved is checked again when the gate spends it. */
function ownRequest({ approvals }: GatewayServices, call: Call, body: ExecBody): ApprovalRequest | null {
  if (body.request_id === null) return null;
  const request = approvals.get(body.request_id);
  if (request === null || !isSameActor(request.principal, call.principal)) {
    throw new SluiceError('not_found', `no request ${body.request_id} of yours`, {
      next: [{ command: 'sluice requests list --mine', when: 'to see yours' }],
    });
  }
  if (request.access !== undefined && request.access !== null) {
    throw new SluiceError(
      'usage',
      `request ${request.id} is for access to ${request.access.group}; there is nothing to run`,
      {
        next: [{ command: 'sluice access list --mine', when: 'to see what you have' }],
      },
    );
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
