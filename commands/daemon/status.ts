import { BaseCommand } from '../../src/cli/base-command.js';

export default class DaemonStatus extends BaseCommand {
  static override summary = 'Whether the local agent runs, and with how many tunnels.';

  async run(): Promise<void> {
    await this.parse(DaemonStatus);
    const { openAgent } = await import('../../src/cli/agent.js');
    const { showDaemon } = await import('../../src/cli/daemon.js');
    showDaemon(this.out, await openAgent(this.environment).status());
  }
}
