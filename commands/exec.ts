import { BaseCommand } from '../src/cli/base-command.js';
import { Args, Flags } from '../src/cli/oclif.js';

export default class Exec extends BaseCommand {
  static override summary = 'Run one operation on a target, judged, masked and recorded.';
  static override description =
    'Speaks HTTPS only and needs no local agent. A held operation is waited for when someone can be asked ' +
    '(or with --wait); else the command ends with 8 and says how to go on. See "sluice help exit-codes".';
  static override examples = [
    '<%= config.bin %> exec demo-db "select name, email from customers limit 5"',
    `<%= config.bin %> exec demo-db 'select * from orders where id = $1' --param 1=42 --json`,
    '<%= config.bin %> exec demo-db --file change.sql --reason INC-42 --wait --timeout 10m',
    '<%= config.bin %> exec --request req_… --json',
  ];
  static override args = {
    target: Args.string({ description: 'the target; not needed with --request' }),
    text: Args.string({ description: 'the operation, such as an SQL statement' }),
  };
  static override flags = {
    file: Flags.string({ char: 'f', helpValue: 'FILE', summary: 'Read the text from a file, or from stdin with "-".' }),
    param: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: '1=VALUE',
      summary: 'Value of $1, $2…; repeat.',
    }),
    format: Flags.option({
      options: ['table', 'csv', 'tsv', 'json', 'jsonl'] as const,
      default: 'table',
      summary: 'Rows as.',
    })(),
    limit: Flags.integer({ min: 0, helpValue: 'N', summary: 'At most so many rows (gateway default: 100).' }),
    'max-bytes': Flags.integer({ min: 1, helpValue: 'N', summary: 'At most so many bytes (gateway default: 65536).' }),
    'fail-on-truncate': Flags.boolean({ summary: 'End with 15 when the result was cut.' }),
    'read-only': Flags.boolean({ summary: 'Accept nothing that writes, whatever policy permits.' }),
    reason: Flags.string({ helpValue: 'TEXT', summary: 'Why; reviewers and the recording see it.' }),
    wait: Flags.boolean({ allowNo: true, summary: 'Wait for people when the operation is held.' }),
    timeout: Flags.string({ helpValue: '10m', summary: 'How long to wait at most.' }),
    request: Flags.string({ helpValue: 'ID', summary: 'Run what was approved under this request.' }),
    'dry-run': Flags.boolean({ summary: 'Say what would be decided; run nothing.' }),
  };
  static override readonly sendsOperations = true;
  static override readonly passThrough = true;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Exec);
    const { runExecCommand } = await import('../src/cli/exec-command.js');
    const order = { ...flags, target: args.target, text: args.text, rest: this.rest };
    await runExecCommand(await this.connect(), order, {
      out: this.out,
      signal: this.signal,
      canPrompt: this.canPrompt,
    });
  }
}
