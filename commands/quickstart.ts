import { BaseCommand } from '../src/cli/base-command.js';
import { Flags } from '../src/cli/flags.js';

export default class Quickstart extends BaseCommand {
  static override summary = 'A gateway, demo identities and a demo PostgreSQL on this machine, until Ctrl-C.';
  static override description =
    'Everything listens on loopback only. With --json, stdout is NDJSON events, the last of the start being ' +
    '{"event":"ready",…}. With --tour the main path is shown end to end and the command ends.';
  static override flags = {
    port: Flags.integer({
      default: 7480,
      min: 0,
      max: 65535,
      helpValue: 'N',
      summary: 'Port of the gateway; 0 takes a free one.',
    }),
    'state-dir': Flags.string({
      helpValue: 'DIR',
      summary: 'Where everything is kept. Default: quickstart in the state folder.',
    }),
    reset: Flags.boolean({ summary: 'Forget everything first.' }),
    tour: Flags.boolean({ summary: 'Show the main path, check each result, end.' }),
    'no-open': Flags.boolean({ summary: 'Open no browser.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Quickstart);
    const { resolve } = await import('node:path');
    const { runQuickstart } = await import('../src/quickstart/run.js');
    process.exitCode = await runQuickstart({
      port: flags.port,
      // A tour leaves nothing behind unless it is told where.
      stateDir:
        flags.tour && flags['state-dir'] === undefined
          ? null
          : resolve(flags['state-dir'] ?? `${this.environment.stateDir}/quickstart`),
      reset: flags.reset,
      json: this.out.json,
      tour: flags.tour,
      signal: this.signal,
      write: {
        stdout: (text: string) => void process.stdout.write(text),
        stderr: (text: string) => void process.stderr.write(text),
      },
    });
  }
}
