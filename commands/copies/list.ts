import { BaseCommand } from '../../src/cli/base-command.js';
import { copyHeader, copyRows } from '../../src/cli/copies.js';
import { Args } from '../../src/cli/flags.js';

export default class CopiesList extends BaseCommand {
  static override summary = 'List columns that hold copies of protected values, and whose statements made them.';
  static override aliases = ['copies'];
  static override args = { target: Args.string({ required: true, description: "the target's name" }) };

  async run(): Promise<void> {
    const { args } = await this.parse(CopiesList);
    const client = await this.connect();
    const document = await client.copies(args.target, { signal: this.signal });
    await this.out.table(document, copyHeader, copyRows(document));
  }
}
