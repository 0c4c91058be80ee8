import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';

export default class SessionsKill extends BaseCommand {
  static override summary = 'End a live session now: its client is told why, its statement is cancelled at the target.';
  static override args = { session: Args.string({ required: true, description: 'the id, ses_…' }) };
  static override flags = {
    reason: Flags.string({ required: true, helpValue: 'TEXT', summary: 'Why; the client and the record say it.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SessionsKill);
    const client = await this.connect();
    const document = await client.endSession(args.session, flags.reason, { signal: this.signal });
    this.out.show(document, () => `${document.session_id} ${document.ended ? 'ended' : 'is being ended'}`);
  }
}
