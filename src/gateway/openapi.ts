import { z } from 'zod';
import type { ApiRoute } from './api-route.js';
import { errorDocument } from './schemas/error.js';

type Json = Readonly<Record<string, unknown>>;

/** OpenAPI 3.1 from the route table: the schemas that check requests are the ones that are published. */
export function describeApi(routes: readonly ApiRoute[], version: string, publicUrl: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:([a-z_]+)/g, '{$1}');
    const operations = (paths[path] ??= {});
    operations[route.method.toLowerCase()] = describeRoute(route);
  }
  paths['/v1/targets/{name}/tunnel'] = { get: tunnelOperation };
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice gateway', version, description: 'Errors are always `sluice.error/v1` documents.' },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      responses: {
        Error: {
          description: 'A failure',
          content: { 'application/json': { schema: schemaOf(errorDocument, 'output') } },
        },
      },
    },
  };
}

function describeRoute(route: ApiRoute): Json {
  const parameters = [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')];
  const body = schemaOf(route.body, 'input');
  const takesBody = route.method !== 'GET' && Object.keys(asObject(body['properties'])).length > 0;
  return {
    summary: route.summary,
    operationId: operationId(route),
    'x-sluice-access': route.access,
    ...(route.access === 'none' ? { security: [] } : { security: [{ bearer: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(takesBody ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    responses: { '200': successOf(route), default: { $ref: '#/components/responses/Error' } },
  };
}

function successOf(route: ApiRoute): Json {
  if (route.response === null) return { description: 'The content itself' };
  return { description: 'Done', content: { 'application/json': { schema: schemaOf(route.response, 'output') } } };
}

function parametersOf(schema: z.ZodType, where: 'path' | 'query'): readonly Json[] {
  const described = schemaOf(schema, 'input');
  const required = new Set(Array.isArray(described['required']) ? described['required'] : []);
  return Object.entries(asObject(described['properties'])).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.has(name),
    schema: property,
  }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, {
    ...{ io, unrepresentable: 'any' },
    override({ jsonSchema }) {
      // Inside a version answers gain fields: a client that is generated from this must not refuse them.
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return described;
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function operationId(route: ApiRoute): string {
  const words = route.path.split('/').filter((part) => part !== '' && part !== 'v1');
  const name = words.map((word) => word.replace(/^:/, 'by-').replace('.', '-')).join('-');
  return `${route.method.toLowerCase()}-${name}`;
}

const tunnelOperation: Json = {
  summary: 'Upgrade the connection to the target’s own protocol',
  operationId: 'tunnel',
  'x-sluice-access': 'authenticated',
  security: [{ bearer: [] }],
  parameters: [
    { name: 'name', in: 'path', required: true, schema: { type: 'string' } },
    { name: 'Upgrade', in: 'header', required: true, schema: { const: 'sluice-tunnel' } },
    { name: 'Sluice-Client-Password', in: 'header', required: false, schema: { type: 'string' } },
    { name: 'Sluice-Reason', in: 'header', required: false, schema: { type: 'string' } },
  ],
  responses: {
    '101': { description: 'Raw protocol bytes from here on' },
    default: { $ref: '#/components/responses/Error' },
  },
};
