import { type Logger, destination, pino } from 'pino';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly level: string;
  /** A file to append to, or null for standard error. */
  readonly file: string | null;
}

/**
 * The gateway's own log. Nothing passes a secret to it; the redaction is the second line, for an object that was
 * logged whole.
 */
export function createLog(options: LogOptions): Logger {
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
    options.file === null
      ? destination({ fd: 2, sync: true })
      : destination({ dest: options.file, mkdir: true, mode: 0o600, sync: true }),
  );
}
