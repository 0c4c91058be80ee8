import { afterAll, beforeAll, expect, it } from 'vitest';
import { compileSchema, violations } from '../support/json-schema.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

interface Described {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: object }>>;

let running: GatewayUnderTest;
let operations: readonly (readonly [name: string, described: Described])[];
let failure: object;
beforeAll(async () => {
  running = await startTestGateway();
  const { document } = await running.call('GET', '/openapi.json');
  const paths = document['paths'] as Readonly<Record<string, Readonly<Record<string, Described>>>>;
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => [`${method.toUpperCase()} ${path}`, described] as const),
  );
  const components = document['components'] as {
    readonly responses: { readonly Error: { readonly content: Content } };
  };
  failure = schemaIn(components.responses.Error.content);
}, 60_000);
afterAll(() => running.stop());

function schemaIn(content: Content): object {
  const json = content['application/json'];
  if (json === undefined) throw new TypeError('no JSON');
  return json.schema;
}

it('has only schemas that a strict validator of JSON Schema 2020-12 takes', () => {
  const schemas = operations.flatMap(([name, { parameters = [], requestBody, responses }]) => [
    ...parameters.map(({ name: parameter, schema }) => [`${name} ${parameter}`, schema] as const),
    ...[requestBody, ...Object.values(responses)].flatMap((part) =>
      part?.content === undefined ? [] : Object.values(part.content).map(({ schema }) => [name, schema] as const),
    ),
  ]);
  expect(schemas.length).toBeGreaterThan(100);
  for (const [name, schema] of [...schemas, ['a failure', failure] as const])
    expect(() => compileSchema(schema), name).not.toThrow();
});

it('lets answers gain fields inside a version, which generated clients would refuse otherwise', () => {
  const answers = operations.flatMap(([name, { responses }]) =>
    Object.values(responses).flatMap(({ content = {} }) => Object.values(content).map(({ schema }) => [name, schema])),
  );
  const closed = [...answers, ['a failure', failure]].filter(([, schema]) =>
    JSON.stringify(schema).includes('"additionalProperties":false'),
  );
  expect(closed.map(([name]) => name)).toEqual([]);
});

it('says of what the gateway answers what is true', async () => {
  const session = await running.call('GET', '/v1/sessions', { as: 'reviewer' });
  expect(session.status).toBe(200);
  const read = operations.filter(
    ([name, { responses }]) =>
      name.startsWith('GET ') && !name.includes('{') && responses['200']?.content !== undefined,
  );
  expect(read.length).toBeGreaterThan(10);
  const broken: string[] = [];
  for (const [name, { responses, parameters = [] }] of read) {
    // What never ends by itself, or needs words to look for, is asked elsewhere.
    if (name.includes('watch') || parameters.some(({ name: parameter }) => parameter === 'q')) continue;
    const { status, text } = await running.call('GET', name.slice(4), { as: 'reviewer' });
    const schema = status === 200 ? schemaIn(responses['200']?.content ?? {}) : failure;
    const wrong = violations(compileSchema(schema), JSON.parse(text) as unknown);
    if (wrong !== '') broken.push(`${name} ${status}: ${wrong}\n${text}`);
  }
  expect(broken.join('\n')).toBe('');
}, 60_000);
