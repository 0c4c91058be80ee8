import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class SshCertificate extends BaseCommand {
  static override summary = 'Get a certificate for the gateway’s native SSH port.';
  static override description =
    'For ssh without a ProxyCommand: "ssh TARGET@GATEWAY" with a certificate that stands for your login and is valid for some ' +
    'minutes. Without --key a key is made and kept beside the configuration; the certificate lies beside its key, where ssh ' +
    'finds it.';
  static override examples = [
    '<%= config.bin %> ssh certificate',
    '<%= config.bin %> ssh certificate --key ~/.ssh/id_ed25519',
  ];
  static override flags = {
    key: Flags.string({ summary: 'An Ed25519 key of your own.', helpValue: 'FILE' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(SshCertificate);
    const { obtainCertificate } = await import('../../src/cli/ssh-certificate.js');
    const asked = { profile: this.profileFlag, gateway: this.gatewayFlag };
    await obtainCertificate({ key: flags.key ?? null }, asked, { environment: this.environment, out: this.out });
  }
}
