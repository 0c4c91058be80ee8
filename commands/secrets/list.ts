import { BaseCommand } from '../../src/cli/base-command.js';

export default class SecretsList extends BaseCommand {
  static override summary = 'List the names of the secrets in the vault; values never leave it.';

  async run(): Promise<void> {
    await this.parse(SecretsList);
    const client = await this.connect();
    const document = await client.secrets({ signal: this.signal });
    const rows = document.secrets.map((secret) => [secret.name, secret.updated_at, secret.updated_by]);
    await this.out.table(document, ['NAME', 'UPDATED', 'BY'], rows);
  }
}
