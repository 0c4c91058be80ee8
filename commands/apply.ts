import { BaseCommand } from '../src/cli/base-command.js';
import { Flags } from '../src/cli/flags.js';
import { plain } from '../src/cli/plain.js';
import { usage } from '../src/cli/usage.js';

const marks = { added: ['green', '+'], removed: ['red', '-'], modified: ['yellow', '~'] } as const;

export default class Apply extends BaseCommand {
  static override summary = 'Apply a bundle: targets, classification, bindings and policies, whole or not at all.';
  static override examples = [
    '<%= config.bin %> apply -f ./bundle --dry-run',
    '<%= config.bin %> apply -f ./bundle --message "INC-42"',
    '<%= config.bin %> apply --to VERSION',
  ];
  static override flags = {
    file: Flags.string({ char: 'f', helpValue: 'DIR', summary: 'The bundle folder.', exclusive: ['to'] }),
    to: Flags.string({ helpValue: 'VERSION', summary: 'Go back to this version.' }),
    'dry-run': Flags.boolean({ summary: 'Check and compare; change nothing.', exclusive: ['to'] }),
    message: Flags.string({ helpValue: 'TEXT', summary: 'Why; kept with the version.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Apply);
    const document =
      flags.to === undefined ? await this.#upload(flags) : await (await this.connect()).rollbackBundle(flags.to);
    this.out.show(document, () =>
      [
        ...document.changed.map(({ file, change }) => {
          const [color, mark] = marks[change];
          return `${this.out.paint(color, mark)} ${plain(file)}`;
        }),
        document.applied
          ? `${this.out.paint('green', '✓')} applied as version ${document.version}`
          : `not applied; it would be version ${document.version}`,
        ...(document.previous_version === null || !document.applied
          ? []
          : [`back: sluice apply --to ${document.previous_version}`]),
      ].join('\n'),
    );
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
