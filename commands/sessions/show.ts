import { BaseCommand } from '../../src/cli/base-command.js';
import { Args } from '../../src/cli/flags.js';
import { sessionText } from '../../src/cli/session-text.js';

export default class SessionsShow extends BaseCommand {
  static override summary = 'Show one session: every operation, its verdict and what became of it.';
  static override args = { session: Args.string({ required: true, description: 'the id, ses_…' }) };

  async run(): Promise<void> {
    const { args } = await this.parse(SessionsShow);
    const client = await this.connect();
    const document = await client.session(args.session, { signal: this.signal });
    this.out.show(document, () => sessionText(document, this.out));
  }
}
