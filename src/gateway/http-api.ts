import type { RequestListener, Server } from 'node:http';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { SluiceError } from '../lib/errors.js';
import type { Audit } from './audit.js';
import type { Answer, ApiRoute, Call, PublicCall } from './api-route.js';
import { authorise } from './authorise-route.js';
import { textOfBody } from './body-text.js';
import { errorDocumentOf, httpStatusOf, showable } from './http-errors.js';
import type { GatewayLimits } from './limits.js';
import type { Logger } from './log.js';
import type { GatewayMetrics } from './metrics.js';
import type { Callers } from './callers.js';
import { bearerToken, rawRefusal } from './server.js';

export interface HttpApiParts {
  readonly routes: readonly ApiRoute[];
  readonly callers: Callers;
  readonly audit: Audit;
  readonly limits: GatewayLimits;
  readonly log: Logger;
  readonly metrics: GatewayMetrics;
  readonly isHostAllowed: (header: string | undefined) => boolean;
  readonly newRequestId: () => string;
  /** Told to those who are logged in, so that clients can say that they are old. */
  readonly version: string;
  readonly isDraining: () => boolean;
  readonly createServer: (listener: RequestListener) => Server;
}

/** Mounts the route table on fastify. Who may call what is decided here, from the table, before a body is read. */
export function createHttpApi(parts: HttpApiParts): FastifyInstance {
  const { limits, log } = parts;
  const app = fastify({
    logger: false,
    serverFactory: (handler) => parts.createServer(handler),
    bodyLimit: limits.bodyBytes,
    genReqId: parts.newRequestId,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    // Fastify's own refusal has another shape than ours.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: false, caseSensitive: true },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    frameworkErrors: (error, request, reply) => void sendError(parts, request, reply, error),
    clientErrorHandler: (error, socket) => {
      if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
      const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
      const refusal = late
        ? new SluiceError('timeout', 'the request did not arrive in time', { decider: 'gateway' })
        : new SluiceError('usage', 'this is not an HTTP request that the gateway accepts');
      socket.end(rawRefusal(refusal, late ? '408 Request Timeout' : '400 Bad Request', null));
    },
  });
  app.removeContentTypeParser(['text/plain', 'application/json']);
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    try {
      void parseJson(request, textOfBody(body), done);
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body, done) => {
    try {
      done(null, parseForm(request.routeOptions.url, String(body)));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'X-Request-Id': request.id,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    });
    if (!parts.isHostAllowed(request.headers.host)) {
      throw new SluiceError('usage', 'this gateway does not answer to that Host; use its public URL');
    }
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched';
    parts.metrics.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
    log.info(
      {
        request: request.id,
        method: request.method,
        route,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
  });
  app.setNotFoundHandler((request, reply) =>
    sendError(parts, request, reply, new SluiceError('not_found', 'the API has no such route')),
  );
  app.setErrorHandler((error, request, reply) => sendError(parts, request, reply, error));
  for (const route of parts.routes) mount(app, route, parts);
  return app;
}

/** OAuth's token endpoint speaks forms (RFC 6749 4); nothing else here does. */
function parseForm(route: string | undefined, body: string): Readonly<Record<string, string>> {
  if (route !== '/oauth/token') throw new SluiceError('usage', 'the body must be application/json');
  const form = new URLSearchParams(body);
  const names = [...form.keys()];
  // RFC 6749 3.2: a parameter that is there twice could be read as one or as the other.
  if (new Set(names).size !== names.length) throw new SluiceError('usage', 'a parameter is there more than once');
  return Object.fromEntries(form);
}

function mount(app: FastifyInstance, route: ApiRoute, parts: HttpApiParts): void {
  const callers = new WeakMap<FastifyRequest, Call>();
  app.route({
    method: route.method,
    url: route.path,
    bodyLimit: route.bodyLimitBytes ?? parts.limits.bodyBytes,
    onRequest: async (request, reply) => {
      if (route.access === 'none') return;
      if (parts.isDraining()) throw new SluiceError('unavailable', 'the gateway is shutting down');
      const caller = await parts.callers.identify(bearerToken(request.raw));
      reply.header('Sluice-Version', parts.version);
      callers.set(request, {
        ...publicCall(request, reply),
        ...caller,
        scope: authorise(route, caller, parts),
      });
    },
    handler: async (request, reply) => {
      const raw = { params: request.params, query: request.query, body: request.body };
      if (route.answerAnyone !== null) return send(reply, await route.answerAnyone(publicCall(request, reply), raw));
      const call = callers.get(request);
      if (call === undefined) throw new TypeError('a route with access was served without a caller');
      return send(reply, await route.answer(call, raw));
    },
  });
}

function publicCall(request: FastifyRequest, reply: FastifyReply): PublicCall {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new SluiceError('interrupted', 'the client is gone'));
  });
  return { requestId: request.id, address: request.socket.remoteAddress ?? '', signal: gone.signal };
}

function send(reply: FastifyReply, answer: Answer<unknown>): FastifyReply {
  switch (answer.kind) {
    case 'document':
      return reply.status(answer.status).send(answer.document);
    case 'text':
      return reply.type(answer.type).send(answer.text);
    case 'stream':
      return reply
        .type(answer.type)
        .header('Content-Disposition', `attachment; filename="${answer.fileName}"`)
        .send(answer.stream);
  }
}

function sendError(parts: HttpApiParts, request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = showable(thrown, request.id);
  const status = httpStatusOf(error.code);
  if (error.code === 'unexpected')
    parts.log.error({ request: request.id, err: error.cause ?? error }, 'a request failed');
  if (error.code === 'login_required') reply.header('WWW-Authenticate', 'Bearer realm="sluice"');
  return reply.status(status).type('application/json; charset=utf-8').send(errorDocumentOf(error));
}
