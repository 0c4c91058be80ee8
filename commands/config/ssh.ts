import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class ConfigSsh extends BaseCommand {
  static override summary = 'Let plain "ssh TARGET" go through Sluice.';
  static override description =
    'Writes an ssh_config of its own (and the host key of the gateway) for the ssh targets you may use, and prints the ' +
    'Include line for yours. Your ssh_config is touched only with --install. Run it again when targets come or go.';
  static override examples = ['<%= config.bin %> config ssh', '<%= config.bin %> config ssh --install'];
  static override flags = {
    install: Flags.boolean({ summary: 'Add the Include line to ~/.ssh/config.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigSsh);
    const { configureSsh } = await import('../../src/cli/config-ssh.js');
    const asked = { profile: this.profileFlag, gateway: this.gatewayFlag };
    await configureSsh(flags, asked, { environment: this.environment, out: this.out });
  }
}
