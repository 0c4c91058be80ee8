import { BaseCommand } from '../../src/cli/base-command.js';
import { Args } from '../../src/cli/flags.js';

export default class SecretsRemove extends BaseCommand {
  static override summary = 'Take a secret out of the vault.';
  static override args = { name: Args.string({ required: true, description: "the secret's name" }) };

  async run(): Promise<void> {
    const { args } = await this.parse(SecretsRemove);
    const client = await this.connect();
    const document = await client.removeSecret(args.name, { signal: this.signal });
    this.out.show(document, () => `${this.out.paint('green', '✓')} ${args.name} is gone`);
  }
}
