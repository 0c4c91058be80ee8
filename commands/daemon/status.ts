import { BaseCommand } from '../../src/cli/base-command.js';

export default class DaemonStatus extends BaseCommand {
  static override summary = 'Whether the local agent runs, and with how many tunnels.';

  async run(): Promise<void> {
    await this.parse(DaemonStatus);
    const { openAgent } = await import('../../src/cli/agent.js');
    const agent = await openAgent(this.environment).status();
    this.out.show({ schema: 'sluice.daemon/v1', ok: true, running: agent !== null, agent }, () =>
      agent === null
        ? 'not running; it starts by itself when a tunnel is detached'
        : `running since ${agent.started_at}, pid ${agent.pid}, ${agent.tunnels} tunnels, ${agent.connections} connections`,
    );
  }
}
