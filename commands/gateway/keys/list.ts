import { BaseCommand } from '../../../src/cli/base-command.js';
import { Flags } from '../../../src/cli/flags.js';

export default class GatewayKeysList extends BaseCommand {
  static override summary = 'List the keys that recordings are signed with, the active one and older ones.';
  static override description =
    'With --config the folder of a gateway on this machine is read; without it the gateway is asked. Keep a copy of ' +
    'the first public key elsewhere (--pem prints them): it is what "sessions verify --key" trusts.';
  static override flags = {
    config: Flags.string({ helpValue: 'FILE', summary: 'The bootstrap file of a gateway on this machine.' }),
    pem: Flags.boolean({ summary: 'Print the public keys in PEM.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(GatewayKeysList);
    const document =
      flags.config === undefined
        ? await (await this.connect()).keys({ signal: this.signal })
        : await (await import('../../../src/gateway/keys-admin.js')).listKeysOf(flags.config, process.env);
    if (flags.pem) this.out.show(document, () => document.keys.map((key) => key.public_key_pem.trim()).join('\n'));
    else {
      const rows = document.keys.map(({ id, algorithm, state }) => [id, algorithm, state]);
      await this.out.table(document, ['KEY', 'ALGORITHM', 'STATE'], rows);
    }
  }
}
