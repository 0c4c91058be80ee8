import { BaseCommand } from '../../src/cli/base-command.js';
import { Args } from '../../src/cli/flags.js';
import { requestText } from '../../src/cli/request-text.js';

export default class RequestsShow extends BaseCommand {
  static override summary = 'Show one request: what would happen, who asks, who has decided.';
  static override args = { request: Args.string({ required: true, description: 'the id, req_…' }) };

  async run(): Promise<void> {
    const { args } = await this.parse(RequestsShow);
    const client = await this.connect();
    const document = await client.request(args.request, { signal: this.signal });
    this.out.show(document, () => requestText(document.request, this.out, document.review));
  }
}
