import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { requestText } from '../../src/cli/request-text.js';

export default class RequestsCancel extends BaseCommand {
  static override summary = 'Take back your own request.';
  static override args = { request: Args.string({ required: true, description: 'the id, req_…' }) };
  static override flags = {
    comment: Flags.string({ helpValue: 'TEXT', summary: 'What the requester and the record see.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RequestsCancel);
    const client = await this.connect();
    const document = await client.decideRequest(
      args.request,
      'cancel',
      { comment: flags.comment ?? '' },
      { signal: this.signal },
    );
    this.out.show(document, () => requestText(document.request, this.out));
  }
}
