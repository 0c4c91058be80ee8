import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { isSluiceError, SluiceError } from '../../src/lib/errors.js';

export default class TunnelsWait extends BaseCommand {
  static override summary = 'Wait until a tunnel to a target is open and the gateway serves it.';
  static override examples = [
    '<%= config.bin %> connect demo-db --detach & <%= config.bin %> tunnels wait demo-db --timeout 30s && pg_dump …',
  ];
  static override args = { target: Args.string({ required: true, description: "the target's name" }) };
  static override flags = {
    timeout: Flags.string({ helpValue: '1m', default: '1m', summary: 'How long, at most 10m; then exit 14.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(TunnelsWait);
    const { parseDuration } = await import('../../src/cli/durations.js');
    const limitMs = parseDuration(flags.timeout, '--timeout');
    const { openAgent } = await import('../../src/cli/agent.js');
    const agent = openAgent(this.environment);
    const tunnel = await agent.waitFor(args.target, this.profileFlag, limitMs).catch(async (error: unknown) => {
      if (!isSluiceError(error, 'timeout')) throw error;
      const { openTunnelsHint } = await import('../../src/cli/open-tunnels.js');
      const hint = await openTunnelsHint(agent, args.target);
      throw hint === '' ? error : new SluiceError('timeout', `${error.message}.${hint}`, error.details);
    });
    this.out.show({ schema: 'sluice.tunnel/v1', ok: true, tunnel }, () => tunnel.uri);
  }
}
