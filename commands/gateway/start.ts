import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class GatewayStart extends BaseCommand {
  static override summary = 'Run a gateway until SIGTERM or Ctrl-C; sessions are ended in their own protocol.';
  static override flags = {
    config: Flags.string({
      required: true,
      helpValue: 'FILE',
      summary: 'The bootstrap file; see "sluice gateway init".',
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(GatewayStart);
    const { signal } = this;
    const { startGateway } = await import('../../src/gateway/app.js');
    const gateway = await startGateway(flags.config, { version: this.program.version });
    const document = {
      schema: 'sluice.gateway/v1',
      ok: true,
      event: 'ready',
      url: gateway.url,
      postgres_port: gateway.postgresPort,
    };
    this.out.show(document, () => `ready: ${gateway.url}`);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.out.note('Ending: no new connections; open sessions are being ended…');
    await gateway.close();
  }
}
