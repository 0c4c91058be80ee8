import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class GatewayReindex extends BaseCommand {
  static override summary = 'Build the index of recordings again from the journals; the gateway must not be running.';
  static override flags = {
    config: Flags.string({ required: true, helpValue: 'FILE', summary: 'The bootstrap file.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(GatewayReindex);
    const { reindex } = await import('../../src/gateway/reindex.js');
    const { sessions, bytes, ms } = await reindex(flags.config, (message) => this.out.alert(message));
    const document = { schema: 'sluice.gateway_reindex/v1', ok: true, sessions, bytes, duration_ms: ms };
    const rate = (bytes / 1e6 / Math.max(0.001, ms / 1000)).toFixed(1);
    this.out.show(document, () => `${sessions} sessions, ${(bytes / 1e6).toFixed(1)} MB in ${ms} ms (${rate} MB/s)`);
  }
}
