import { z } from 'zod';
import * as access from '../gateway/schemas/access.js';
import * as bots from '../gateway/schemas/bots.js';
import * as audit from '../gateway/schemas/audit.js';
import * as bundle from '../gateway/schemas/bundle.js';
import * as copies from '../gateway/schemas/copies.js';
import * as doctor from '../gateway/schemas/doctor.js';
import * as error from '../gateway/schemas/error.js';
import * as exec from '../gateway/schemas/exec.js';
import * as login from '../gateway/schemas/login.js';
import * as oversight from '../gateway/schemas/oversight.js';
import * as policy from '../gateway/schemas/policy.js';
import * as relays from '../gateway/schemas/relays.js';
import * as requests from '../gateway/schemas/requests.js';
import * as secrets from '../gateway/schemas/secrets.js';
import * as sessions from '../gateway/schemas/sessions.js';
import * as signals from '../gateway/schemas/signals.js';
import * as ssh from '../gateway/schemas/ssh.js';
import * as targets from '../gateway/schemas/targets.js';
import * as tokens from '../gateway/schemas/tokens.js';
import { SluiceError } from '../lib/errors.js';
import { commandDocuments } from './documents.js';
import type { Output } from './output.js';
import { nearest } from './suggest.js';

/** The documents among what a module of the gateway's schemas exports, by their names. */
function documentsIn(module: Readonly<Record<string, unknown>>): readonly (readonly [string, z.ZodType])[] {
  return Object.values(module).flatMap((value) => {
    if (!(value instanceof z.ZodObject)) return [];
    const schema: unknown = value.shape['schema'];
    return schema instanceof z.ZodLiteral ? [[String(schema.value), value] as const] : [];
  });
}

/** Every document that --json can print, by its schema's name. */
export const documents: Readonly<Record<string, z.ZodType>> = {
  ...commandDocuments,
  ...Object.fromEntries(
    [
      access,
      bots,
      audit,
      bundle,
      copies,
      doctor,
      error,
      exec,
      login,
      oversight,
      policy,
      relays,
      requests,
      secrets,
      sessions,
      signals,
      ssh,
      targets,
      tokens,
    ].flatMap((module) => documentsIn(module)),
  ),
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
  const name = names.find((each) => each === asked || shortName(each) === asked) ?? asked;
  const schema = jsonSchemaOf(name);
  out.show({ schema: 'sluice.json_schema/v1', ok: true, name, json_schema: schema }, () =>
    JSON.stringify(schema, null, 2),
  );
}

const shortName = (name: string): string => name.replace(/^sluice\.(.*)\/v\d+$/, '$1');

function unknownSchema(name: string): SluiceError {
  const names = Object.keys(documents);
  const hint = nearest(name, names) ?? nearest(name, names.map(shortName));
  return new SluiceError('not_found', `No such schema: ${name}.${hint === null ? '' : ` Did you mean ${hint}?`}`, {
    decider: 'local',
    next: [{ command: 'sluice schema', when: 'to see their names' }],
  });
}
