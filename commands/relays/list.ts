import { BaseCommand } from '../../src/cli/base-command.js';

export default class RelaysList extends BaseCommand {
  static override summary = 'List the relays, the targets behind them, and what serves them now.';
  static override aliases = ['relays'];

  async run(): Promise<void> {
    await this.parse(RelaysList);
    const { relayRows } = await import('../../src/cli/relay.js');
    const client = await this.connect();
    const document = await client.relays({ signal: this.signal });
    await this.out.table(
      document,
      ['RELAY', 'STATE', 'MACHINE', 'ADDRESS', 'SINCE', 'STREAMS', 'TARGETS'],
      relayRows(document),
    );
  }
}
