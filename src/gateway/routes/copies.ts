import { isSamePerson } from '../../approvals/people.js';
import { SluiceError } from '../../lib/errors.js';
import type { CopiedColumn } from '../../masking/copied-columns.js';
import type { Principal } from '../../policy/types.js';
import { type ApiRoute, ok, route } from '../api-route.js';
import { instant } from '../request-view.js';
import { nothing } from '../schemas/common.js';
import { copiesDocument, copyEnd, copyEndDocument, copyParams } from '../schemas/copies.js';
import { targetParams } from '../schemas/targets.js';
import type { GatewayServices } from '../services.js';

/** Columns that hold copies of protected values: who has made them, and the end of their protection. */
export function copyRoutes(services: GatewayServices): readonly ApiRoute[] {
  return [listRoute(services), endRoute(services)];
}

function listRoute({ audit, copies, targets }: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/targets/:name/copies',
    access: 'readSession',
    summary: 'Columns of a target that hold copies of protected values, and whose statements made them',
    params: targetParams,
    query: nothing,
    body: nothing,
    response: copiesDocument,
    async handle({ principal }, { params }) {
      const { target } = targets.find(params.name, principal);
      audit.record(principal, 'copy.list', target.name);
      return ok('sluice.copies/v1', {
        target: target.name,
        copies: copies(target).map((copy) => ({
          ...shown(copy),
          since: instant(copy.since),
          made_by: copy.authors.map(({ name, session, op, at }) => ({
            user: name,
            session_id: session,
            op,
            at: instant(at),
          })),
        })),
      });
    },
  });
}

function endRoute({ audit, copies, endCopy, targets }: GatewayServices): ApiRoute {
  return route({
    method: 'POST',
    path: '/v1/targets/:name/copies/:id/end',
    access: 'apply',
    summary: 'End the protection of a column that holds a copy, for a reason; not by who made it',
    params: copyParams,
    query: nothing,
    body: copyEnd,
    response: copyEndDocument,
    async handle({ principal }, { params, body }) {
      if (body.reason.trim() === '') throw new SluiceError('usage', 'ending a protection needs a reason');
      const { target } = targets.find(params.name, principal);
      const all = copies(target);
      const copy = all.find(({ id }) => id === params.id);
      if (copy === undefined) throw noCopy(params.id, target.name);
      const detail = {
        ...{ reason: body.reason, column: nameOf(copy), class: copy.class, holds: copy.derived ? 'derived' : 'exact' },
        made_by: copy.authors.map(({ name, session, op }) => `${name} (${session}, ${op})`).join(', '),
      };
      const object = `${target.name}/${copy.id}`;
      audit.attemptTold(principal, 'copy.end', object, detail, () => {
        const inColumn = all.filter((other) => nameOf(other) === nameOf(copy));
        refuseAuthor(inColumn, principal);
        // Written first: no protection ends without a record of who ended it.
        const end = endCopy(target, copy.id, () => audit.record(principal, 'copy.end', object, detail));
        if (end === 'unknown') throw noCopy(copy.id, target.name);
        if (end === 'under way') throw underWay(copy);
      });
      return ok('sluice.copy_end/v1', { target: target.name, ...shown(copy) });
    },
  });
}

function shown(copy: CopiedColumn) {
  return { id: copy.id, column: nameOf(copy), class: copy.class, derived: copy.derived };
}

function nameOf({ schema, table, column }: CopiedColumn): string {
  return `${schema}.${table}.${column ?? '*'}`;
}

/** Whoever has written protected values into a column does not say that they need no protection there. */
function refuseAuthor(copies: readonly CopiedColumn[], principal: Principal): void {
  if (!copies.some(({ authors }) => authors.some((author) => isSamePerson(author, principal)))) return;
  throw new SluiceError('denied', 'You made a copy in this column yourself: somebody else has to end its protection.', {
    decider: 'gateway',
  });
}

function underWay(copy: CopiedColumn): SluiceError {
  const message = `A transaction under way writes ${nameOf(copy)}: what it leaves is protected. Try again when it has ended.`;
  return new SluiceError('conflict', message, { decider: 'gateway', retryable: true });
}

function noCopy(id: string, target: string): SluiceError {
  return new SluiceError('not_found', `no copy ${id} on ${target}`, {
    decider: 'gateway',
    next: [{ command: `sluice copies list ${target}`, when: 'to see the copies that are protected' }],
  });
}
