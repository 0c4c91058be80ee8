import { BaseCommand } from '../src/cli/base-command.js';
import { Args, Flags } from '../src/cli/flags.js';

export default class Exec extends BaseCommand {
  static override summary = 'Run one operation on a target, judged, masked and recorded.';
  static override description =
    'Speaks HTTPS only and needs no local agent. A held operation is waited for when someone can be asked ' +
    '(or with --wait); else the command ends with 8 and says how to go on. See "sluice help exit-codes".';
  static override examples = [
    '<%= config.bin %> exec demo-db "select name, email from customers limit 5"',
    `<%= config.bin %> exec demo-db 'select * from orders where id = :id' --param id=42 --json`,
    '<%= config.bin %> exec demo-db --file change.sql --reason INC-42 --wait --timeout 10m',
    '<%= config.bin %> exec demo-db "select * from orders" --format jsonl --limit 1000000 > orders.jsonl',
    '<%= config.bin %> exec --label env=prod "select count(*) from orders" --read-only',
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
      helpValue: 'NAME=VALUE',
      summary: 'Value of :NAME, or of $1 with 1=VALUE; repeat.',
    }),
    label: Flags.string({
      multiple: true,
      helpValue: 'KEY=VALUE',
      summary: 'Instead of TARGET: run on every target with this label; repeat to narrow.',
    }),
    format: Flags.option({
      options: ['table', 'csv', 'tsv', 'json', 'jsonl'] as const,
      default: 'table',
      summary: 'Rows as.',
    }),
    limit: Flags.integer({ min: 0, helpValue: 'N', summary: 'At most so many rows (gateway default: 100).' }),
    'max-bytes': Flags.integer({ min: 1, helpValue: 'N', summary: 'At most so many bytes (gateway default: 65536).' }),
    'fail-on-truncate': Flags.boolean({ summary: 'End with 15 when the result was cut.' }),
    'read-only': Flags.boolean({ summary: 'Accept nothing that writes, whatever policy permits.' }),
    cursor: Flags.string({ helpValue: 'C', summary: 'Go on with a result: its next_cursor (from --json).' }),
    reason: Flags.string({ helpValue: 'TEXT', summary: 'Why; reviewers and the recording see it.' }),
    wait: Flags.boolean({ allowNo: true, summary: 'Wait for people when the operation is held.' }),
    timeout: Flags.string({
      helpValue: '10m',
      summary: 'How long it may run, and how long to wait for people (at most).',
    }),
    request: Flags.string({ helpValue: 'ID', summary: 'Run what was approved under this request.' }),
    'idempotency-key': Flags.string({
      helpValue: 'KEY',
      summary: 'Run once: for a day, the same key with the same input gives the recorded outcome.',
    }),
    meta: Flags.string({
      multiple: true,
      helpValue: 'KEY=VALUE',
      summary: 'Recorded with the session; repeat.',
    }),
    'dry-run': Flags.boolean({ summary: 'Say what would be decided; run nothing.' }),
  };
  static override readonly passThrough = true;

  async run(): Promise<void> {
    // Words behind `--` may be a program's, whose code ours must not be taken for: until the target's kind says they are not.
    this.keepExitCodesApart(this.argv.includes('--'));
    const { args, flags } = await this.parse(Exec);
    const { runExecCommand } = await import('../src/cli/exec-command.js');
    const stdin = this.stdinWait;
    const order = { ...flags, target: args.target, text: args.text, rest: this.rest, json: this.out.json, stdin };
    await runExecCommand(await this.connect(), order, {
      out: this.out,
      signal: this.signal,
      canPrompt: this.canPrompt,
      onKind: (isCommand) => this.keepExitCodesApart(isCommand),
      onRefused: (isDatabase) => this.addressDatabase(isDatabase),
    });
  }
}
