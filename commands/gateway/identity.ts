import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class GatewayIdentity extends BaseCommand {
  static override summary = 'Make an identity that can read encrypted recordings; prints its recipient.';
  static override description =
    'The recipient (age1…) goes into recordings.recipients of the bootstrap file. The identity is all that can read what ' +
    'is recorded then: keep it off the gateway and have a second one. age-keygen makes the same kind of file.';
  static override flags = {
    output: Flags.string({ char: 'o', required: true, helpValue: 'FILE', summary: 'Where to; never over a file.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(GatewayIdentity);
    const { writeIdentity } = await import('../../src/cli/identity.js');
    const recipient = await writeIdentity(flags.output);
    this.out.show({ schema: 'sluice.identity/v1', ok: true, file: flags.output, recipient }, () => recipient);
  }
}
