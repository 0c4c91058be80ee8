import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { VerifiedToken } from '../identity/types.js';
import type { Principal } from '../policy/types.js';
import type { GatewayAction } from './authorise.js';

/**
 * Who may call a route: anyone; anyone with a valid token; who has the action on the gateway; or, for `own…`,
 * anyone, who then sees only what is their own unless policy permits them the action.
 */
export type Access = 'none' | 'authenticated' | GatewayAction | `own or ${GatewayAction}`;

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What every handler knows of its request. */
export interface PublicCall {
  readonly requestId: string;
  readonly address: string;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

/** A request whose bearer is known. */
export interface Call extends PublicCall {
  readonly principal: Principal;
  readonly token: VerifiedToken;
  /** `own` where access is `own or …` and policy does not permit the action. */
  readonly scope: 'all' | 'own';
}

export interface Input<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

/** What a handler answers: a document, or bytes of another kind. */
export type Answer<Document> =
  | { readonly kind: 'document'; readonly status: number; readonly document: Document }
  | { readonly kind: 'stream'; readonly type: string; readonly fileName: string; readonly stream: Readable }
  | { readonly kind: 'text'; readonly type: string; readonly text: string };

interface Shape<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType> {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The document of a success; null for a stream or text. */
  readonly response: R | null;
  readonly bodyLimitBytes?: number;
}

type Handler<C, P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType> = (
  call: C,
  input: Input<z.output<P>, z.output<Q>, z.output<B>>,
) => Promise<Answer<z.output<R>>>;

export interface RawInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** A route as the server mounts it: its schemas, who may call it, and a handler that parses before it runs. */
export interface ApiRoute extends Shape<z.ZodType, z.ZodType, z.ZodType, z.ZodType> {
  readonly access: Access;
  /** Set when access is `none`. */
  readonly answerAnyone: ((call: PublicCall, raw: RawInput) => Promise<Answer<unknown>>) | null;
  readonly answer: (call: Call, raw: RawInput) => Promise<Answer<unknown>>;
}

/** A route that needs a token. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  shape: Shape<P, Q, B, R> & { readonly access: Exclude<Access, 'none'>; readonly handle: Handler<Call, P, Q, B, R> },
): ApiRoute {
  const { handle, ...rest } = shape;
  return { ...rest, answerAnyone: null, answer: async (call, raw) => handle(call, parseInput(shape, raw)) };
}

/** A route for anyone. */
export function publicRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  shape: Shape<P, Q, B, R> & { readonly handle: Handler<PublicCall, P, Q, B, R> },
): ApiRoute {
  const { handle, ...rest } = shape;
  const answer = async (call: PublicCall, raw: RawInput) => handle(call, parseInput(shape, raw));
  return { ...rest, access: 'none', answerAnyone: answer, answer };
}

function parseInput<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  shape: { readonly params: P; readonly query: Q; readonly body: B },
  raw: RawInput,
): Input<z.output<P>, z.output<Q>, z.output<B>> {
  return {
    params: shape.params.parse(raw.params ?? {}),
    query: shape.query.parse(raw.query ?? {}),
    body: shape.body.parse(raw.body ?? {}),
  };
}

/** A 200 answer: the document's schema, `ok: true`, then the fields. */
export function ok<Name extends string, Fields extends object>(
  schema: Name,
  fields: Fields,
): Answer<{ schema: Name; ok: true } & Fields> {
  return whole({ schema, ok: true, ...fields });
}

/** A 200 answer with a document that is already whole. */
export function whole<Document>(document: Document): Answer<Document> {
  return { kind: 'document', status: 200, document };
}
