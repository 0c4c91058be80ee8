import { BaseCommand } from '../../src/cli/base-command.js';

export default class TunnelsList extends BaseCommand {
  static override summary = 'List the tunnels that the local agent keeps open.';
  static override aliases = ['tunnels'];

  async run(): Promise<void> {
    await this.parse(TunnelsList);
    const { openAgent } = await import('../../src/cli/agent.js');
    const tunnels = await openAgent(this.environment).list();
    const rows = tunnels.map(({ target, host, port, profile, connections, started_at }) => [
      target,
      `${host}:${port}`,
      profile,
      connections,
      started_at,
    ]);
    const header = ['TARGET', 'ADDRESS', 'PROFILE', 'CONNECTIONS', 'SINCE'];
    await this.out.table({ schema: 'sluice.tunnels/v1', ok: true, tunnels }, header, rows);
  }
}
