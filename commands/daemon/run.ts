import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class DaemonRun extends BaseCommand {
  static override summary = 'Run the local agent in this process.';
  static override hidden = true;
  static override flags = {
    keep: Flags.boolean({ summary: 'Stay without tunnels too, as a service does.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(DaemonRun);
    const { runDaemon } = await import('../../src/cli/daemon.js');
    await runDaemon({ environment: this.environment, signal: this.signal, keep: flags.keep, out: this.out });
  }
}
