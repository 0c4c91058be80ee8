import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { usage } from '../../src/cli/usage.js';

export default class SessionsExport extends BaseCommand {
  static override summary = 'Save a session: its journal as it is, its playback, its results, or an asciicast.';
  static override examples = [
    '<%= config.bin %> sessions export ses_… --format csv --op 3 -o -',
    '<%= config.bin %> sessions export ses_… --format asciicast-v3 && asciinema play ses_….cast',
  ];
  static override args = { session: Args.string({ required: true, description: 'the id, ses_…' }) };
  static override flags = {
    bundle: Flags.string({
      helpValue: 'FILE.sluice',
      exclusive: ['output'],
      summary: 'Journal, proofs and public keys in one file, to be verified anywhere.',
    }),
    format: Flags.option({
      options: ['journal', 'text', 'json', 'jsonl', 'csv', 'file', 'asciicast-v3', 'asciicast-v2'] as const,
      default: 'journal',
      summary: 'What to save; csv has the results, one table behind the other, file the content of one that was moved.',
    }),
    op: Flags.integer({
      min: 1,
      helpValue: 'N',
      summary:
        'With csv: only the result of this operation; with file: what it moved; with asciicast: only its terminal, as it was.',
    }),
    identity: Flags.string({ helpValue: 'FILE', summary: 'Reads an encrypted recording; else the gateway is asked.' }),
    output: Flags.string({
      char: 'o',
      helpValue: 'FILE',
      summary: 'Where to; "-" is stdout. Default: the id with its ending.',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SessionsExport);
    if (flags.bundle !== undefined) return this.#bundle(args.session, flags.bundle);
    const { format, identity, op, output } = flags;
    if (op !== undefined && !['csv', 'file'].includes(format) && !format.startsWith('asciicast'))
      throw usage('--op goes with --format csv, file and asciicast.');
    if (op === undefined && format === 'file') throw usage('--format file needs --op: which operation moved the file.');
    const client = await this.connect();
    const [{ exportSession }, { sessionKeys }] = await Promise.all([
      import('../../src/cli/export.js'),
      import('../../src/cli/session-keys.js'),
    ]);
    const openKey = sessionKeys(identity, () => Promise.resolve(client));
    const saved = await exportSession(client, args.session, { format, op, output, openKey }, this.signal);
    if (saved.file === null) return;
    this.out.show({ schema: 'sluice.export/v1', ok: true, session_id: args.session, ...saved }, () => saved.file ?? '');
    this.out.note(`${saved.bytes} bytes`);
  }

  async #bundle(session: string, path: string): Promise<void> {
    const { exportBundle } = await import('../../src/cli/export-bundle.js');
    const saved = await exportBundle(await this.connect(), session, path, this.signal);
    this.out.show({ schema: 'sluice.export/v1', ok: true, session_id: session, ...saved }, () => saved.file);
    this.out.note(`${saved.bytes} bytes   Check it anywhere: sluice sessions verify ${saved.file}`);
  }
}
