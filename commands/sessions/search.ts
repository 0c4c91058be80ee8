import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/oclif.js';
import { plain } from '../../src/cli/plain.js';

export default class SessionsSearch extends BaseCommand {
  static override summary = 'Find sessions by what was said in them.';
  static override examples = ['<%= config.bin %> sessions search "drop table"'];
  static override args = { query: Args.string({ required: true, description: 'words to find' }) };
  static override flags = {
    target: Flags.string({ helpValue: 'NAME', summary: 'Only sessions on this target.' }),
    user: Flags.string({ helpValue: 'NAME', summary: 'Only sessions of this user.' }),
    limit: Flags.integer({ min: 1, helpValue: 'N', summary: 'At most so many sessions.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SessionsSearch);
    const { target, user, limit } = flags;
    const client = await this.connect();
    const document = await client.searchSessions(
      { q: args.query, ...(target && { target }), ...(user && { user }), ...(limit !== undefined && { limit }) },
      { signal: this.signal },
    );
    const rows = document.sessions.flatMap((session) =>
      session.matches.map((match) => [
        session.id,
        match.at,
        session.user,
        session.target,
        match.op,
        match.verdict,
        plain(match.snippet),
      ]),
    );
    await this.out.table(document, ['SESSION', 'AT', 'USER', 'TARGET', 'OP', 'VERDICT', 'MATCH'], rows);
  }
}
