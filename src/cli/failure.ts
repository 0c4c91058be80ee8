import { messageOf, SluiceError, type ErrorCode } from '../lib/errors.js';
import type { ErrorDocument } from '../client/api-types.js';
import { exitCodeOf } from './exit-codes.js';

/** A parse failure of oclif's, recognised by shape: its classes are not exported, and loading them costs start time. */
interface ParseFailure {
  readonly message: string;
  readonly flags: readonly string[];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function parseFailure(error: unknown): ParseFailure | null {
  if (!(error instanceof Error) || !('oclif' in error)) return null;
  const message = error.message
    .replace(/\n?See more help with --help/, '')
    // oclif colours the reasons of failed flag relationships.
    // oxlint-disable-next-line no-control-regex
    .replace(/\u001b\[[0-9;]*m/g, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .trim();
  const missing = message.startsWith('Missing ') ? missingArguments(error) : null;
  if (missing !== null) return { message: missing, flags: [] };
  const flags = 'flags' in error && Array.isArray(error.flags) ? error.flags.map(String) : [];
  return { message, flags };
}

/** "Missing TARGET: the target's name" for oclif's several lines. */
function missingArguments(error: Error): string | null {
  if (!('args' in error) || !Array.isArray(error.args)) return null;
  const named = error.args.flatMap((arg: unknown) =>
    isObject(arg) && typeof arg['name'] === 'string'
      ? [`${arg['name'].toUpperCase()}${typeof arg['description'] === 'string' ? `: ${arg['description']}` : ''}`]
      : [],
  );
  return named.length === 0 ? null : `Missing ${named.join('; ')}`;
}

const systemCodes: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: 'local',
  EACCES: 'local',
  EPERM: 'local',
  EROFS: 'local',
  ENOSPC: 'local',
  EISDIR: 'usage',
  ENOENT: 'usage',
  ENOTDIR: 'usage',
  ECONNREFUSED: 'gateway_unreachable',
  ENOTFOUND: 'gateway_unreachable',
  EHOSTUNREACH: 'gateway_unreachable',
  ECONNRESET: 'gateway_unreachable',
};

const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

/** Whatever was thrown, as the one error type. `suggest` may know what an unknown flag was meant to be. */
export function asSluiceError(error: unknown, suggest: (flag: string) => string | null = () => null): SluiceError {
  if (error instanceof SluiceError) return error;
  const parse = parseFailure(error);
  if (parse !== null) {
    const hints = parse.flags.map((flag) => suggest(flag)).filter((hint) => hint !== null);
    const hint = hints.length === 0 ? '' : ` Did you mean ${hints.join(', ')}?`;
    return new SluiceError('usage', `${sentence(parse.message.replace(/^Nonexistent flag/, 'Unknown flag'))}${hint}`, {
      cause: error,
    });
  }
  if (isObject(error) && error['name'] === 'AbortError')
    return new SluiceError('interrupted', 'Interrupted.', { cause: error });
  if (isObject(error) && error['name'] === 'TimeoutError')
    return new SluiceError('timeout', 'Timed out.', { cause: error });
  const code = isObject(error) && typeof error['code'] === 'string' ? systemCodes[error['code']] : undefined;
  return new SluiceError(code ?? 'unexpected', messageOf(error), { decider: 'local', cause: error });
}

/** `sluice.error/v1` for an error, whichever side it came from. */
export function errorDocument(error: SluiceError, exitCode = exitCodeOf(error.code)): ErrorDocument {
  const { details } = error;
  return {
    schema: 'sluice.error/v1',
    ok: false,
    error: {
      code: error.code,
      exit_code: exitCode,
      decider: details.decider ?? 'local',
      policy: details.policy ?? null,
      message: error.message,
      retryable: details.retryable ?? false,
      request_id: details.requestId ?? null,
      expires_at: details.expiresAt ?? null,
      target_code: details.targetCode ?? null,
      next: details.next ?? [],
    },
  };
}
