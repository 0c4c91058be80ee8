import { BaseCommand } from '../src/cli/base-command.js';
import { applyText } from '../src/cli/apply-text.js';
import { Flags } from '../src/cli/flags.js';
import { usage } from '../src/cli/usage.js';

export default class Apply extends BaseCommand {
  static override summary = 'Apply a bundle: targets, classification, bindings and policies, whole or not at all.';
  static override examples = [
    '<%= config.bin %> apply -f ./bundle --dry-run',
    '<%= config.bin %> apply -f ./bundle --message "INC-42"',
    '<%= config.bin %> policy versions',
    '<%= config.bin %> apply --to VERSION --dry-run',
  ];
  static override flags = {
    file: Flags.string({ char: 'f', helpValue: 'DIR', summary: 'The bundle folder.', exclusive: ['to'] }),
    to: Flags.string({ helpValue: 'VERSION', summary: 'Go back to this version (sluice policy versions).' }),
    'dry-run': Flags.boolean({ summary: 'Check and compare; change nothing.' }),
    message: Flags.string({ helpValue: 'TEXT', summary: 'Why; kept with the version.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Apply);
    const document = flags.to === undefined ? await this.#upload(flags) : await this.#goBack(flags.to, flags);
    this.out.show(document, () => applyText(document, this.out));
  }

  async #goBack(version: string, flags: { readonly 'dry-run': boolean; readonly message: string | undefined }) {
    const body = { version, dry_run: flags['dry-run'], ...(flags.message && { message: flags.message }) };
    return (await this.connect()).rollbackBundle(body, { signal: this.signal });
  }

  async #upload(flags: {
    readonly file: string | undefined;
    readonly 'dry-run': boolean;
    readonly message: string | undefined;
  }) {
    if (flags.file === undefined) throw usage('Missing --file DIR (or --to VERSION).');
    const { readBundle } = await import('../src/cli/bundle-files.js');
    const files = await readBundle(flags.file);
    const client = await this.connect();
    const body = { files, dry_run: flags['dry-run'], ...(flags.message && { message: flags.message }) };
    return client.applyBundle(body, { signal: this.signal });
  }
}
