import { BaseCommand } from '../../src/cli/base-command.js';
import { askedOperation, requireText } from '../../src/cli/asked-operation.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { requestText } from '../../src/cli/request-text.js';

export default class RequestsCreate extends BaseCommand {
  static override summary = 'Ask for approval ahead of time; run it later with "exec --request".';
  static override args = {
    target: Args.string({ required: true, description: "the target's name" }),
    text: Args.string({ description: 'the operation' }),
  };
  static override flags = {
    file: Flags.string({ char: 'f', helpValue: 'FILE', summary: 'Read the text from a file, or from stdin with "-".' }),
    param: Flags.string({
      multiple: true,
      helpValue: 'NAME=VALUE',
      summary: 'Value of :NAME, or of $1 with 1=VALUE; repeat.',
    }),
    reason: Flags.string({ helpValue: 'TEXT', summary: 'Why; reviewers and the recording see it.' }),
  };
  static override readonly passThrough = true;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RequestsCreate);
    const { file, param } = flags;
    const asked = { target: args.target, text: args.text, file, rest: this.rest, param };
    requireText(asked);
    const client = await this.connect();
    const operation = await askedOperation(client, { ...asked, stdin: this.stdinWait });
    const document = await client.createRequest(
      { ...operation, ...(flags.reason && { reason: flags.reason }) },
      { signal: this.signal },
    );
    this.out.show(document, () => requestText(document.request, this.out));
    this.out.note(
      `Next: sluice requests wait ${document.request.id}   then   sluice exec --request ${document.request.id}`,
    );
  }
}
