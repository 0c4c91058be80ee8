import { BaseCommand } from '../src/cli/base-command.js';
import { Args, Flags } from '../src/cli/flags.js';
import { usage } from '../src/cli/usage.js';

export default class Describe extends BaseCommand {
  static override summary = 'What you may do on a target, what people must approve, and what comes masked.';
  static override description =
    'With a TABLE, or with --tables: what columns there are, of which types, and which of them come masked. Names and ' +
    'types only, never a value; asked of the target as your own query, and recorded.';
  static override examples = [
    '<%= config.bin %> describe demo-db',
    '<%= config.bin %> describe demo-db --tables',
    '<%= config.bin %> describe demo-db customers',
  ];
  static override args = {
    target: Args.string({ required: true, description: "the target's name" }),
    table: Args.string({ description: 'a table or view, as orders or public.orders' }),
  };
  static override flags = { tables: Flags.boolean({ summary: 'The tables and views that there are.' }) };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Describe);
    const { target, table } = args;
    if (flags.tables && table !== undefined) throw usage('Name a TABLE, or give --tables.');
    const client = await this.connect();
    if (table === undefined && !flags.tables) {
      const detail = await client.target(target, { signal: this.signal });
      const { describeText } = await import('../src/cli/describe.js');
      return this.out.show(detail, () => describeText(detail, this.out));
    }
    const { columnRows, describeTables, tableRows } = await import('../src/cli/describe-tables.js');
    const document = await describeTables(client, { target, table, signal: this.signal });
    const { tables } = document;
    if (table === undefined) await this.out.table(document, ['SCHEMA', 'TABLE', 'COLUMNS'], tableRows(tables));
    else await this.out.table(document, ['TABLE', 'COLUMN', 'TYPE', 'NULL', 'PROTECTED'], columnRows(tables));
    if (document.truncated) this.out.note('There are more; name a TABLE.');
  }
}
