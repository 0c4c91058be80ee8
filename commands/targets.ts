import { BaseCommand } from '../src/cli/base-command.js';
import { Flags } from '../src/cli/flags.js';

export default class Targets extends BaseCommand {
  static override summary = 'List the targets you may connect to.';
  static override examples = ['<%= config.bin %> targets', '<%= config.bin %> targets --label env=prod --json'];
  static override flags = {
    kind: Flags.string({ helpValue: 'KIND', summary: 'Only this kind, such as postgres.' }),
    label: Flags.string({ helpValue: 'KEY=VALUE', summary: 'Only targets with this label.' }),
    search: Flags.string({ helpValue: 'TEXT', summary: 'Only names that contain this.' }),
    names: Flags.boolean({ summary: 'Names only, one a line.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Targets);
    const { kind, label, search } = flags;
    const client = await this.connect();
    const document = await client.targets(
      { ...(kind && { kind }), ...(label && { label }), ...(search && { search }) },
      { signal: this.signal },
    );
    if (flags.names && !this.out.json)
      return this.out.payload(document.targets.map(({ name }) => `${name}\n`).join(''));
    const rows = document.targets.map((target) => [
      target.name,
      target.kind,
      target.status,
      target.recording,
      Object.entries(target.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ]);
    await this.out.table(document, ['NAME', 'KIND', 'STATUS', 'RECORDING', 'LABELS'], rows);
  }
}
