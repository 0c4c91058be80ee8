import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/oclif.js';

export default class SessionsExport extends BaseCommand {
  static override summary = 'Save a session: its journal as it is, or its playback as text or JSON.';
  static override args = { session: Args.string({ required: true, description: 'the id, ses_…' }) };
  static override flags = {
    bundle: Flags.string({
      helpValue: 'FILE.sluice',
      exclusive: ['output'],
      summary: 'Journal, proofs and public keys in one file, to be verified anywhere.',
    }),
    identity: Flags.string({ helpValue: 'FILE', summary: 'Reads an encrypted recording.' }),
    format: Flags.option({
      options: ['journal', 'text', 'json'] as const,
      default: 'journal',
      summary: 'What to save.',
    })(),
    output: Flags.string({
      char: 'o',
      helpValue: 'FILE',
      summary: 'Where to; "-" is stdout. Default: the id with its ending.',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SessionsExport);
    if (flags.bundle !== undefined) return this.#bundle(args.session, flags.bundle);
    const { exportSession } = await import('../../src/cli/export.js');
    const client = await this.connect();
    const saved = await exportSession(client, args.session, flags, this.signal);
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
