import { BaseCommand } from '../../src/cli/base-command.js';

export default class DaemonStop extends BaseCommand {
  static override summary = 'End the local agent and with it every tunnel.';

  async run(): Promise<void> {
    await this.parse(DaemonStop);
    const { openAgent } = await import('../../src/cli/agent.js');
    const stopped = await openAgent(this.environment).shutdown();
    this.out.show({ schema: 'sluice.daemon/v1', ok: true, running: false, agent: null }, () =>
      stopped ? 'ended' : 'was not running',
    );
  }
}
