import { BaseCommand } from '../../src/cli/base-command.js';

export default class DaemonStart extends BaseCommand {
  static override summary = 'Start the local agent, unless it runs.';
  static override description =
    'Commands that need it start it by themselves, and it ends after 30 minutes without tunnels.';

  async run(): Promise<void> {
    await this.parse(DaemonStart);
    const { openAgent } = await import('../../src/cli/agent.js');
    const { showDaemon } = await import('../../src/cli/daemon.js');
    showDaemon(this.out, await openAgent(this.environment).ensureRunning());
  }
}
