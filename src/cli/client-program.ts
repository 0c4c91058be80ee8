import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { tunnelEnv, type TunnelAddress } from '../agent/tunnel-formats.js';
import { messageOf, SluiceError } from '../lib/errors.js';

/**
 * Runs a client program against a tunnel and returns its exit code. The password goes by environment, never by argument.
 * Ctrl-C is the client's: psql cancels a statement with it.
 */
export function runClient(
  words: readonly string[],
  tunnel: TunnelAddress,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  return runProgram(words, { ...variables, ...tunnelEnv(tunnel) });
}

/** Runs a program in this one's place: same stdin and stdout, its exit code. Ctrl-C is the program's. */
export function runProgram(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [program = '', ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    const ignore = (): void => undefined;
    const pass = (): void => void child.kill('SIGTERM');
    process.on('SIGINT', ignore);
    process.on('SIGTERM', pass);
    const done = (settle: () => void): void => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', pass);
      settle();
    };
    child.once('error', (cause) =>
      done(() =>
        reject(new SluiceError('local', `Cannot run ${program}: ${messageOf(cause)}`, { decider: 'local', cause })),
      ),
    );
    child.once('close', (code, signal) =>
      done(() => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))),
    );
  });
}
