import { BaseCommand } from '../../src/cli/base-command.js';
import { showExplanation } from '../../src/cli/explain.js';
import { operationText } from '../../src/cli/input.js';
import { bindParameters } from '../../src/cli/named-parameters.js';
import { Args, Flags } from '../../src/cli/oclif.js';
import { usage } from '../../src/cli/usage.js';

export default class PolicyExplain extends BaseCommand {
  static override summary = 'What policy would decide about an operation, and why; nothing is run.';
  static override args = {
    target: Args.string({ required: true, description: "the target's name" }),
    text: Args.string({ description: 'the operation' }),
  };
  static override flags = {
    file: Flags.string({ char: 'f', helpValue: 'FILE', summary: 'Read the text from a file, or from stdin with "-".' }),
    param: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME=VALUE',
      summary: 'Value of :NAME, or of $1 with 1=VALUE; repeat.',
    }),
  };
  static override readonly passThrough = true;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PolicyExplain);
    const text = await operationText({ text: args.text, file: flags.file, rest: this.rest });
    if (text === null) throw usage('Missing the operation: give TEXT, or --file FILE.');
    const client = await this.connect();
    const bound = bindParameters(text, flags.param ?? []);
    showExplanation(await client.explain({ target: args.target, ...bound }, { signal: this.signal }), this.out);
  }
}
