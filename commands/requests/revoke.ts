import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { requestText } from '../../src/cli/request-text.js';

export default class RequestsRevoke extends BaseCommand {
  static override summary = 'End an approval: nothing more runs by it.';
  static override args = { request: Args.string({ required: true, description: 'the id, req_…' }) };
  static override flags = {
    comment: Flags.string({ helpValue: 'TEXT', summary: 'What the requester and the record see.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RequestsRevoke);
    const client = await this.connect();
    const given = { comment: flags.comment ?? '' };
    const document = await client.decideRequest(args.request, 'revoke', given, { signal: this.signal });
    this.out.show(document, () => requestText(document.request, this.out));
  }
}
