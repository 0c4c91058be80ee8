import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { plain } from '../../src/cli/plain.js';
import { usage } from '../../src/cli/usage.js';

export default class TunnelsStop extends BaseCommand {
  static override summary = 'Close tunnels; their connections are cut.';
  static override args = { target: Args.string({ description: "the target's name" }) };
  static override flags = { all: Flags.boolean({ summary: 'Every tunnel.' }) };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(TunnelsStop);
    if ((flags.all === true) === (args.target !== undefined)) throw usage('Name a TARGET, or give --all.');
    const { openAgent } = await import('../../src/cli/agent.js');
    const agent = openAgent(this.environment);
    const tunnels = args.target === undefined ? await agent.stopAll() : await agent.stop(args.target, this.profileFlag);
    this.out.show({ schema: 'sluice.tunnels/v1', ok: true, tunnels }, () =>
      tunnels.map(({ target, port }) => `closed ${plain(target)} at port ${port}\n`).join(''),
    );
    if (tunnels.length > 0) return;
    const { openTunnelsHint } = await import('../../src/cli/open-tunnels.js');
    const hint = args.target === undefined ? '' : await openTunnelsHint(agent, args.target);
    this.out.note(`No such tunnel is open.${hint}`);
  }
}
