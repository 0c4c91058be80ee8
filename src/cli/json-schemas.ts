import { z } from 'zod';
import { applyDocument, bundleDocument } from '../gateway/schemas/bundle.js';
import { errorDocument } from '../gateway/schemas/error.js';
import { execDocument } from '../gateway/schemas/exec.js';
import { loginDocument, whoamiDocument } from '../gateway/schemas/login.js';
import { endDocument } from '../gateway/schemas/oversight.js';
import { explainDocument, policyCheckDocument } from '../gateway/schemas/policy.js';
import { requestDocument, requestListDocument } from '../gateway/schemas/requests.js';
import { secretListDocument } from '../gateway/schemas/secrets.js';
import {
  keysDocument,
  sessionDocument,
  sessionHoldDocument,
  sessionKeyDocument,
  sessionListDocument,
  sessionSearchDocument,
  verifyDocument,
} from '../gateway/schemas/sessions.js';
import { targetDocument, targetListDocument } from '../gateway/schemas/targets.js';
import { SluiceError } from '../lib/errors.js';
import { commandDocuments } from './documents.js';
import type { Output } from './output.js';
import { nearest } from './suggest.js';

/** Every document that --json can print, by its schema's name. */
export const documents: Readonly<Record<string, z.ZodType>> = {
  ...commandDocuments,
  'sluice.apply/v1': applyDocument,
  'sluice.bundle/v1': bundleDocument,
  'sluice.error/v1': errorDocument,
  'sluice.exec/v1': execDocument,
  'sluice.explain/v1': explainDocument,
  'sluice.keys/v1': keysDocument,
  'sluice.login/v1': loginDocument,
  'sluice.policy_check/v1': policyCheckDocument,
  'sluice.request/v1': requestDocument,
  'sluice.requests/v1': requestListDocument,
  'sluice.secrets/v1': secretListDocument,
  'sluice.session/v1': sessionDocument,
  'sluice.session_end/v1': endDocument,
  'sluice.session_hold/v1': sessionHoldDocument,
  'sluice.session_key/v1': sessionKeyDocument,
  'sluice.session_search/v1': sessionSearchDocument,
  'sluice.sessions/v1': sessionListDocument,
  'sluice.target/v1': targetDocument,
  'sluice.targets/v1': targetListDocument,
  'sluice.verify/v1': verifyDocument,
  'sluice.whoami/v1': whoamiDocument,
};

/** The JSON Schema of a document. Fields may be added inside a version, so none is refused. */
export function jsonSchemaOf(name: string): Record<string, unknown> {
  const document = documents[name];
  if (document === undefined) throw unknownSchema(name);
  return z.toJSONSchema(document, { io: 'input', unrepresentable: 'any' });
}

/** `sluice schema [NAME]`. "exec" is short for "sluice.exec/v1". */
export function showSchema(asked: string | undefined, out: Output): void {
  const names = Object.keys(documents).toSorted();
  if (asked === undefined)
    return out.show({ schema: 'sluice.json_schemas/v1', ok: true, names }, () => names.join('\n'));
  const name = names.find((each) => each === asked || each === `sluice.${asked}/v1`) ?? asked;
  const schema = jsonSchemaOf(name);
  out.show({ schema: 'sluice.json_schema/v1', ok: true, name, json_schema: schema }, () =>
    JSON.stringify(schema, null, 2),
  );
}

function unknownSchema(name: string): SluiceError {
  const hint = nearest(name, Object.keys(documents));
  return new SluiceError('not_found', `No such schema: ${name}.${hint === null ? '' : ` Did you mean ${hint}?`}`, {
    decider: 'local',
    next: [{ command: 'sluice schema', when: 'to see their names' }],
  });
}
