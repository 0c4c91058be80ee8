import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class GatewayInit extends BaseCommand {
  static override summary = 'Write a bootstrap file to start a gateway from, and the folders that it needs.';
  static override flags = {
    dir: Flags.string({ default: '.', helpValue: 'DIR', summary: 'Where to write gateway.yaml and state/.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(GatewayInit);
    const { resolve } = await import('node:path');
    const { writeBootstrapTemplate } = await import('../../src/gateway/bootstrap-template.js');
    const file = await writeBootstrapTemplate(resolve(flags.dir));
    this.out.show({ schema: 'sluice.gateway_init/v1', ok: true, file }, () => file);
    this.out.note(`Next: edit it, put a bundle into state/bundle, then: sluice gateway start --config ${file}`);
  }
}
