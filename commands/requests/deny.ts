import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { requestText } from '../../src/cli/request-text.js';
import { usage } from '../../src/cli/usage.js';

export default class RequestsDeny extends BaseCommand {
  static override summary = 'Deny a request; say why.';
  static override args = { request: Args.string({ required: true, description: 'the id, req_…' }) };
  static override flags = {
    comment: Flags.string({ helpValue: 'TEXT', summary: 'The reason; the requester sees it.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RequestsDeny);
    const { comment } = flags;
    const reason = comment ?? (this.canPrompt ? await this.#ask() : '');
    if (reason.trim() === '')
      throw usage('A denial needs a reason: --comment TEXT.', [
        { command: `sluice requests deny ${args.request} --comment "…"`, when: 'the requester sees it' },
      ]);
    const client = await this.connect();
    const document = await client.decideRequest(args.request, 'deny', { comment: reason }, { signal: this.signal });
    this.out.show(document, () => requestText(document.request, this.out));
  }

  async #ask(): Promise<string> {
    const { askText } = await import('../../src/cli/prompts.js');
    return askText('Why?', this.signal);
  }
}
