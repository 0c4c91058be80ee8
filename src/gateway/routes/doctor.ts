import { narrowClassification } from '../../policy/classification.js';
import { SluiceError } from '../../lib/errors.js';
import { type ApiRoute, ok, route } from '../api-route.js';
import { checkRole } from '../role-checks.js';
import { nothing } from '../schemas/common.js';
import { doctorDocument } from '../schemas/doctor.js';
import { targetParams } from '../schemas/targets.js';
import type { GatewayServices } from '../services.js';

/** What the gateway's own role may do on a target, for those who read policies. */
export function doctorRoutes({ targets, audit }: GatewayServices): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/targets/:name/doctor',
      access: 'readPolicy',
      summary: 'How well the gateway’s own role on the target is confined',
      params: targetParams,
      query: nothing,
      body: nothing,
      response: doctorDocument,
      async handle({ principal }, { params }) {
        const { target, classification } = targets.find(params.name, principal);
        if (target.kind !== 'postgres')
          throw new SluiceError('usage', `nothing is known to check on targets of kind ${target.kind}`);
        audit.record(principal, 'policy.read', target.name, {});
        const checks = await checkRole(target, narrowClassification(classification, target).columns);
        return ok('sluice.target_doctor/v1', {
          target: target.name,
          checks: checks.map((check) => ({ ...check, hardening: [...check.hardening] })),
        });
      },
    }),
  ];
}
