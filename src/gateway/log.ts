import { type Logger, destination, pino } from 'pino';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly level: string;
  /** A file to append to, or null for standard error. */
  readonly file: string | null;
}

/** How much of it is kept in memory while it cannot be written. */
const maxWaitingBytes = 1024 * 1024;

/**
 * The gateway's own log. Nothing passes a secret to it; the redaction is the second line, for an object that was
 * logged whole.
 */
export function createLog(options: LogOptions): Logger {
  const where = options.file === null ? { fd: 2 } : { dest: options.file, mkdir: true, mode: 0o600 };
  const to = destination({ ...where, sync: true, maxLength: maxWaitingBytes });
  // Where it cannot be written (a full disk), it must not end everybody's sessions: it goes on once it can be.
  to.on('error', () => undefined);
  return pino(
    {
      level: options.level,
      base: { service: 'sluice-gateway' },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      redact: {
        paths: [
          'authorization',
          '*.authorization',
          'headers',
          '*.headers',
          'password',
          '*.password',
          'secret',
          '*.secret',
          'value',
          'token',
          '*.token',
          'err.config',
        ],
        censor: '[redacted]',
      },
    },
    to,
  );
}
