import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';

export default class SessionsHold extends BaseCommand {
  static override summary = 'Keep a session whatever retention says, until it is released.';
  static override args = { session: Args.string({ required: true, description: 'the id, ses_…' }) };
  static override flags = {
    reason: Flags.string({ required: true, helpValue: 'TEXT', summary: 'Why; it stands in the signed ledger.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SessionsHold);
    const client = await this.connect();
    const document = await client.holdSession(args.session, 'hold', flags.reason, { signal: this.signal });
    this.out.show(document, () => `${document.session_id} held`);
  }
}
