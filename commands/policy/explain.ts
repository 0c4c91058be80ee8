import { BaseCommand } from '../../src/cli/base-command.js';
import { showExplanation } from '../../src/cli/explain.js';
import { missingText, operationText } from '../../src/cli/input.js';
import { bindParameters } from '../../src/cli/named-parameters.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { takesWords } from '../../src/cli/target-words.js';
import { usage } from '../../src/cli/usage.js';

export default class PolicyExplain extends BaseCommand {
  static override summary = 'What policy decides about an operation, why, and what would change it; nothing is run.';
  static override examples = [
    '<%= config.bin %> policy explain db-prod "delete from orders where id = 7"',
    '<%= config.bin %> policy explain web-1 -- systemctl restart nginx',
    '<%= config.bin %> policy explain --session ses_19f0 --op 3',
  ];
  static override args = {
    target: Args.string({ description: "the target's name" }),
    text: Args.string({ description: 'the operation' }),
  };
  static override flags = {
    file: Flags.string({ char: 'f', helpValue: 'FILE', summary: 'Read the text from a file, or from stdin with "-".' }),
    param: Flags.string({
      multiple: true,
      helpValue: 'NAME=VALUE',
      summary: 'Value of :NAME, or of $1 with 1=VALUE; repeat.',
    }),
    reason: Flags.string({ helpValue: 'TEXT', summary: 'As if this reason had been given.' }),
    session: Flags.string({
      helpValue: 'ID',
      summary: 'A recorded operation instead: its session…',
      dependsOn: ['op'],
    }),
    op: Flags.integer({ min: 1, helpValue: 'N', summary: '…and its number there.', dependsOn: ['session'] }),
  };
  static override readonly passThrough = true;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PolicyExplain);
    const { session, op, reason } = flags;
    if (session !== undefined && op !== undefined) {
      if (args.target !== undefined) throw usage('Give a target and a text, or --session and --op, not both.');
      const client = await this.connect();
      return showExplanation(await client.explainRecorded(session, op, { signal: this.signal }), this.out);
    }
    if (args.target === undefined) throw usage('Missing TARGET and TEXT (or --session ID --op N).');
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
    const body = { target: args.target, ...bound, ...(reason === undefined ? {} : { reason }) };
    showExplanation(await client.explain(body, { signal: this.signal }), this.out);
  }
}
