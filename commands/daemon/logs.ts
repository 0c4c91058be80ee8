import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class DaemonLogs extends BaseCommand {
  static override summary = "Show the local agent's log: tunnels, refused connections, starts and ends.";
  static override examples = ['<%= config.bin %> daemon logs --follow', '<%= config.bin %> daemon logs --lines 20'];
  static override flags = {
    lines: Flags.integer({ char: 'n', min: 0, default: 100, helpValue: 'N', summary: 'How many of the last lines.' }),
    follow: Flags.boolean({ char: 'f', summary: 'Go on with what happens, until Ctrl-C.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(DaemonLogs);
    const { showLogs } = await import('../../src/cli/daemon.js');
    const { environment, out } = this;
    await showLogs({ environment, out, lines: flags.lines, follow: flags.follow, signal: () => this.signal });
  }
}
