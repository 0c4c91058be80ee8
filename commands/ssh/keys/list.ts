import { BaseCommand } from '../../../src/cli/base-command.js';

export default class SshKeysList extends BaseCommand {
  static override summary = 'List your own keys for the gateway’s native SSH port.';
  static override aliases = ['ssh keys'];

  async run(): Promise<void> {
    await this.parse(SshKeysList);
    const { keyRows } = await import('../../../src/cli/ssh-keys.js');
    const client = await this.connect();
    const document = await client.sshKeys({ signal: this.signal });
    await this.out.table(document, ['ID', 'FINGERPRINT', 'LABEL', 'ADDED', 'EXPIRES', 'USED'], keyRows(document));
  }
}
