import { BaseCommand } from '../src/cli/base-command.js';
import { Args, Flags } from '../src/cli/flags.js';

export default class Play extends BaseCommand {
  static override summary = 'Play a recorded session; "?" shows the keys.';
  static override description =
    'On a terminal this is a player; piped, or with --format, the whole session as text or JSON. A file needs no gateway.';
  static override examples = ['<%= config.bin %> play ses_…', '<%= config.bin %> play ses_….journal --format text'];
  static override args = {
    session: Args.string({ required: true, description: 'the id, ses_…, or a journal file' }),
  };
  static override flags = {
    format: Flags.option({ options: ['text', 'json'] as const, summary: 'Print instead of playing.' }),
    speed: Flags.string({ default: '1', helpValue: '0.5–16', summary: 'How fast.' }),
    idle: Flags.string({ helpValue: '2s', summary: 'Play no pause that is longer.' }),
    identity: Flags.string({ helpValue: 'FILE', summary: 'Reads an encrypted recording; else the gateway is asked.' }),
    op: Flags.integer({
      min: 1,
      helpValue: 'N',
      summary: 'Only this operation, apart from those that ran beside it, as channels of one SSH connection do.',
    }),
    follow: Flags.boolean({ summary: 'A live session: what happens as it happens, until it ends.' }),
    at: Flags.string({ helpValue: '1m30s', summary: 'Begin there.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Play);
    const { play } = await import('../src/cli/play.js');
    await play(
      args.session,
      { ...flags, follow: flags.follow === true },
      { out: this.out, attended: this.canPrompt, signal: this.signal, connect: () => this.connect() },
    );
  }
}
