import { BaseCommand } from '../../src/cli/base-command.js';
import { grantText } from '../../src/cli/grant-text.js';
import { Args, Flags } from '../../src/cli/flags.js';

export default class AccessReview extends BaseCommand {
  static override summary = 'Say what came of an emergency that someone else took.';
  static override args = { grant: Args.string({ required: true, description: 'the id, grt_…' }) };
  static override flags = {
    comment: Flags.string({ required: true, helpValue: 'TEXT', summary: 'What happened, and whether it was right.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AccessReview);
    const client = await this.connect();
    const document = await client.noteGrant(args.grant, 'review', flags.comment, { signal: this.signal });
    this.out.show(document, () => grantText(document.grant, this.out));
  }
}
