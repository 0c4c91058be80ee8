import { BaseCommand } from '../../src/cli/base-command.js';
import { grantText } from '../../src/cli/grant-text.js';
import { Args, Flags } from '../../src/cli/flags.js';

export default class AccessRevoke extends BaseCommand {
  static override summary =
    'End a grant before its time; live sessions are judged without it from the next statement on.';
  static override args = { grant: Args.string({ required: true, description: 'the id, grt_…' }) };
  static override flags = {
    comment: Flags.string({ helpValue: 'TEXT', summary: 'Why; the record sees it.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AccessRevoke);
    const client = await this.connect();
    const document = await client.noteGrant(args.grant, 'revoke', flags.comment ?? '', { signal: this.signal });
    this.out.show(document, () => grantText(document.grant, this.out));
  }
}
