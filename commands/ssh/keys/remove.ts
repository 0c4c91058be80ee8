import { BaseCommand } from '../../../src/cli/base-command.js';
import { Args } from '../../../src/cli/flags.js';

export default class SshKeysRemove extends BaseCommand {
  static override summary = 'Remove a key of yours, and end what came with it.';
  static override args = { key: Args.string({ required: true, description: "the key's id or fingerprint" }) };

  async run(): Promise<void> {
    const { args } = await this.parse(SshKeysRemove);
    const client = await this.connect();
    const document = await client.removeSshKey(args.key, { signal: this.signal });
    this.out.show(document, () => `${this.out.paint('green', '✓')} ${args.key} opens nothing any more`);
  }
}
