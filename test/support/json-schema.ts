import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

const ajv = new Ajv2020({ strict: true, allErrors: true });
formats.default(ajv);

/** Compiles JSON Schema 2020-12 as a validator that is not ours reads it: unknown keywords and formats are errors. */
export function compileSchema(schema: object): ValidateFunction {
  return ajv.compile(schema);
}

/** What a document breaks of a schema, a line each; empty for nothing. */
export function violations(validate: ValidateFunction, document: unknown): string {
  if (validate(document)) return '';
  return (validate.errors ?? [])
    .map(({ instancePath, message, params }) => `${instancePath || '/'} ${message ?? ''} ${JSON.stringify(params)}`)
    .join('\n');
}
