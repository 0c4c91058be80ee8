import { BaseCommand } from '../../../src/cli/base-command.js';
import { Flags } from '../../../src/cli/flags.js';

export default class GatewayKeysRotate extends BaseCommand {
  static override summary = 'Sign recordings with a new key from now on; what older keys signed stays verifiable.';
  static override description =
    'A running gateway changes its key at once, open sessions keep theirs to their end. With --config the key of a ' +
    'gateway that does not run is changed, for its next start.';
  static override flags = {
    config: Flags.string({ helpValue: 'FILE', summary: 'The bootstrap file of a gateway that is stopped.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(GatewayKeysRotate);
    const document =
      flags.config === undefined
        ? await (await this.connect()).rotateKey({ signal: this.signal })
        : await (await import('../../../src/gateway/keys-admin.js')).rotateKeyOf(flags.config, process.env);
    const active = document.keys.find(({ state }) => state === 'active')?.id ?? '';
    this.out.show(document, () => `active: ${active}`);
    this.out.note('Next: keep a copy of the new public key elsewhere: sluice gateway keys list --pem');
  }
}
