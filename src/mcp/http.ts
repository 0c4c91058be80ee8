import { createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server';
import type { McpApi } from './api.js';
import { createMcpServer } from './server.js';
import type { Toolset } from './tool.js';

/** One request's caller: its own view of the gateway. */
export interface HttpCaller {
  readonly token: string;
  readonly clientId: string;
  readonly api: McpApi;
  readonly toolset: Toolset;
}
export interface HttpMcp {
  handle(request: Request, caller: HttpCaller): Promise<Response>;
  close(): Promise<void>;
}

const key = 'sluice';

/** MCP over streamable HTTP, without sessions: every request stands for itself, under its own bearer. */
export function createHttpMcp(options: {
  readonly version: string;
  readonly maxBodyBytes: number;
  readonly onError: (error: Error) => void;
}): HttpMcp {
  const handler: McpHttpHandler = createMcpHandler(
    ({ authInfo }) => {
      const caller = authInfo?.extra?.[key];
      if (!isCaller(caller)) throw new TypeError('a request came to MCP without its caller');
      return createMcpServer({ version: options.version, toolset: caller.toolset, api: caller.api });
    },
    { onerror: options.onError, maxRequestBodySize: options.maxBodyBytes },
  );
  return {
    handle(request, caller) {
      const { token, clientId } = caller;
      return handler.fetch(request, { authInfo: { token, clientId, scopes: [], extra: { [key]: caller } } });
    },
    close: () => handler.close(),
  };
}

function isCaller(value: unknown): value is HttpCaller {
  return typeof value === 'object' && value !== null && 'api' in value && 'toolset' in value;
}
