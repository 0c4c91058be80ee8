import { BaseCommand } from '../../src/cli/base-command.js';
import { missingText, operationText } from '../../src/cli/input.js';
import { bindParameters } from '../../src/cli/named-parameters.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { requestText } from '../../src/cli/request-text.js';
import { takesWords } from '../../src/cli/target-words.js';

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
    if ((args.text ?? flags.file ?? this.rest[0]) === undefined) throw missingText();
    const client = await this.connect();
    const words = await takesWords(client, { target: args.target, rest: this.rest });
    const text = await operationText({
      text: args.text,
      file: flags.file,
      rest: this.rest,
      takesWords: words,
      note: (said) => this.out.note(said),
    });
    if (text === null) throw missingText();
    const bound = bindParameters(text, flags.param ?? []);
    const document = await client.createRequest(
      { target: args.target, ...bound, ...(flags.reason && { reason: flags.reason }) },
      { signal: this.signal },
    );
    this.out.show(document, () => requestText(document.request, this.out));
    this.out.note(
      `Next: sluice requests wait ${document.request.id}   then   sluice exec --request ${document.request.id}`,
    );
  }
}
