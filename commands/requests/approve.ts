import { BaseCommand } from '../../src/cli/base-command.js';
import { parseDuration } from '../../src/cli/durations.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { requestText } from '../../src/cli/request-text.js';

export default class RequestsApprove extends BaseCommand {
  static override summary = 'Approve a request, as one of those it asks for.';
  static override args = { request: Args.string({ required: true, description: 'the id, req_…' }) };
  static override flags = {
    comment: Flags.string({ helpValue: 'TEXT', summary: 'What the requester and the record see.' }),
    once: Flags.boolean({ exclusive: ['for'], summary: 'For one run; this is the default.' }),
    for: Flags.string({
      helpValue: '30m',
      summary: 'Let the requester run the very same again for so long, where policy allows it (@reuse).',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RequestsApprove);
    const forMs = flags.for === undefined ? 0 : parseDuration(flags.for, '--for');
    const client = await this.connect();
    const document = await client.decideRequest(
      args.request,
      'approve',
      { comment: flags.comment ?? '', for_ms: forMs },
      { signal: this.signal },
    );
    this.out.show(document, () => requestText(document.request, this.out));
  }
}
