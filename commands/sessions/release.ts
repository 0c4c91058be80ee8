import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';

export default class SessionsRelease extends BaseCommand {
  static override summary = 'End a legal hold on a session.';
  static override args = { session: Args.string({ required: true, description: 'the id, ses_…' }) };
  static override flags = {
    reason: Flags.string({ required: true, helpValue: 'TEXT', summary: 'Why; it stands in the signed ledger.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SessionsRelease);
    const client = await this.connect();
    const document = await client.holdSession(args.session, 'release', flags.reason, { signal: this.signal });
    this.out.show(document, () => `${document.session_id} released`);
  }
}
