import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { compileSchema, violations } from '../../support/json-schema.js';
import { documents, jsonSchemaOf } from '../../../src/cli/json-schemas.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Documents that no command prints: bodies of other protocols. */
const elsewhere = new Set(['sluice.anchor/v1', 'sluice.health/v1', 'sluice.ready/v1']);

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(root, folder, name), 'utf8'));
}

it('publishes a schema for every document that the code names', () => {
  const named = ['src/cli', 'src/client', 'src/gateway/schemas', 'commands']
    .flatMap(sources)
    .flatMap((text) => [...text.matchAll(/'(sluice\.[a-z_]+\/v\d+)'/g)].map(([, name = '']) => name));
  const missing = [...new Set(named)].filter((name) => !(name in documents) && !elsewhere.has(name));
  expect(missing).toEqual([]);
});

it.each(Object.keys(documents))('says of %s that fields may be added and which are always there', (name) => {
  const schema = jsonSchemaOf(name);
  expect(schema).toMatchObject({ type: 'object', properties: { schema: { const: name } } });
  // An audit event has an outcome: what was refused is told all the same.
  const always = name === 'sluice.audit/v1' ? ['schema', 'outcome'] : ['schema', 'ok'];
  expect(schema['required']).toEqual(expect.arrayContaining(always));
  expect(JSON.stringify(schema)).not.toContain('"additionalProperties":false');
});

it.each(Object.keys(documents))('publishes %s as JSON Schema 2020-12 that a strict validator takes', (name) => {
  const schema = jsonSchemaOf(name);
  expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
  const validate = compileSchema(schema);
  expect(violations(validate, { schema: name })).toContain('must have required property');
  expect(violations(validate, { schema: 'another', ok: 1 })).toContain('/schema must be equal to constant');
});
