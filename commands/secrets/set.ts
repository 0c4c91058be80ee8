import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { usage } from '../../src/cli/usage.js';

export default class SecretsSet extends BaseCommand {
  static override summary = 'Put a secret into the vault, from stdin or a file; never from the command line.';
  static override examples = ['<%= config.bin %> secrets set db-prod < password.txt'];
  static override args = { name: Args.string({ required: true, description: 'as bundles name it: vault:NAME' }) };
  static override flags = {
    'from-file': Flags.string({ helpValue: 'FILE', summary: 'Read the value from a file.' }),
    'keep-newline': Flags.boolean({ summary: 'Do not take off one line break at the end.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SecretsSet);
    const value = await this.#read(flags['from-file'], flags['keep-newline']);
    if (value === '') throw usage('The secret is empty.');
    const client = await this.connect();
    const document = await client.setSecret(args.name, value, { signal: this.signal });
    this.out.show(document, () => `${this.out.paint('green', '✓')} ${args.name} is in the vault`);
  }

  async #read(file: string | undefined, keepNewline: boolean): Promise<string> {
    if (file === undefined && this.canPrompt) {
      const { askSecret } = await import('../../src/cli/prompts.js');
      return askSecret('Value:', this.signal);
    }
    const { readText } = await import('../../src/cli/input.js');
    const text = await readText(file ?? '-', this.stdinWait);
    return keepNewline ? text : text.replace(/\r?\n$/, '');
  }
}
