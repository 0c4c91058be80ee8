import { BaseCommand } from '../../src/cli/base-command.js';
import { showExplanation } from '../../src/cli/explain.js';
import { askedOperation, requireText } from '../../src/cli/asked-operation.js';
import { Args, Flags } from '../../src/cli/flags.js';
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
    const { file, param } = flags;
    const asked = { target: args.target, text: args.text, file, rest: this.rest, param };
    requireText(asked);
    const client = await this.connect();
    const operation = await askedOperation(client, { ...asked, stdin: this.stdinWait });
    const body = { ...operation, ...(reason === undefined ? {} : { reason }) };
    showExplanation(await client.explain(body, { signal: this.signal }), this.out);
  }
}
