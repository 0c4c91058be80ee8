import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';
import { sessionHeader, sessionRow } from '../../src/cli/session-text.js';

export default class SessionsList extends BaseCommand {
  static override summary = 'List recorded sessions, newest first.';
  static override flags = {
    target: Flags.string({ helpValue: 'NAME', summary: 'Only sessions on this target.' }),
    user: Flags.string({ helpValue: 'NAME', summary: 'Only sessions of this user.' }),
    'on-behalf-of': Flags.string({ helpValue: 'NAME', summary: 'Only what machines did for this person.' }),
    state: Flags.option({
      options: ['live', 'closed', 'interrupted'] as const,
      summary: 'Only sessions in this state.',
    }),
    limit: Flags.integer({ min: 1, helpValue: 'N', summary: 'At most so many.' }),
    cursor: Flags.string({ helpValue: 'CURSOR', summary: 'Go on where the last list ended.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(SessionsList);
    const { target, user, 'on-behalf-of': behalf, state, limit, cursor } = flags;
    const client = await this.connect();
    const document = await client.sessions(
      {
        ...(target && { target }),
        ...(user && { user }),
        ...(behalf && { on_behalf_of: behalf }),
        ...(state && { state }),
        ...(limit !== undefined && { limit }),
        ...(cursor && { cursor }),
      },
      { signal: this.signal },
    );
    await this.out.table(document, sessionHeader, document.sessions.map(sessionRow));
    if (document.next_cursor !== null) this.out.note(`More: the same with --cursor ${document.next_cursor}`);
  }
}
