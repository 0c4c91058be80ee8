import { BaseCommand } from '../src/cli/base-command.js';
import { Args } from '../src/cli/flags.js';

export default class Schema extends BaseCommand {
  static override summary = 'The JSON Schemas of what --json prints.';
  static override description = 'Without a name, the names. Inside a version fields are only ever added.';
  static override examples = ['<%= config.bin %> schema', '<%= config.bin %> schema exec'];
  static override args = { name: Args.string({ description: 'such as exec, or sluice.exec/v1' }) };

  async run(): Promise<void> {
    const { args } = await this.parse(Schema);
    const { showSchema } = await import('../src/cli/json-schemas.js');
    showSchema(args.name, this.out);
  }
}
