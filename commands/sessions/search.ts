import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { plain } from '../../src/cli/plain.js';

export default class SessionsSearch extends BaseCommand {
  static override summary = 'Find sessions by what was said in them.';
  static override description =
    'Every word must be there, in statement, parameters, error, terminal output, effects, policies, people or target; a word ' +
    'of three letters or more finds what begins with it, "a phrase" stands as it is. Operators: user: (who acted, or for ' +
    'whom) actor: for: person: target: effect: policy: error: (error:any) verdict:allow|deny|hold since: until: (2h, 7d, ' +
    '2026-11-23, 2026-11-23T10:00Z).';
  static override examples = [
    '<%= config.bin %> sessions search "drop table"',
    '<%= config.bin %> sessions search verdict:deny user:engineer since:7d',
    '<%= config.bin %> sessions search for:engineer effect:delete',
    '<%= config.bin %> sessions search effect:delete target:db-prod error:any',
  ];
  static override args = { query: Args.string({ required: true, description: 'words and operators' }) };
  // The query may come as several words.
  static override strict = false;
  static override flags = {
    target: Flags.string({ helpValue: 'NAME', summary: 'Only sessions on this target.' }),
    user: Flags.string({ helpValue: 'NAME', summary: 'Only sessions of this user.' }),
    'on-behalf-of': Flags.string({ helpValue: 'NAME', summary: 'Only what machines did for this person.' }),
    limit: Flags.integer({ min: 1, helpValue: 'N', summary: 'At most so many sessions.' }),
    cursor: Flags.string({ helpValue: 'CURSOR', summary: 'Go on where the last page ended.' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(SessionsSearch);
    const { target, user, 'on-behalf-of': behalf, limit, cursor } = flags;
    const client = await this.connect();
    const words = argv.map(String);
    // One argument with spaces is what a shell makes of a quoted query; several are words of their own.
    const q =
      words.length === 1 ? (words[0] ?? '') : words.map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(' ');
    const document = await client.searchSessions(
      {
        q,
        ...(target && { target }),
        ...(user && { user }),
        ...(behalf && { on_behalf_of: behalf }),
        ...(limit !== undefined && { limit }),
        ...(cursor && { cursor }),
      },
      { signal: this.signal },
    );
    const rows = document.sessions.flatMap(({ id, user: who, on_behalf_of, target: where, matches }) =>
      matches.map(({ at, op, verdict, snippet }) => [
        id,
        at,
        who,
        on_behalf_of?.name,
        where,
        op,
        verdict,
        plain(snippet),
      ]),
    );
    await this.out.table(document, ['SESSION', 'AT', 'USER', 'FOR', 'TARGET', 'OP', 'VERDICT', 'MATCH'], rows);
    const count = `${document.match_count_capped ? 'more than ' : ''}${document.match_count}`;
    this.out.note(`${count} ${document.match_count === 1 ? 'match' : 'matches'}`);
    if (document.next_cursor !== null) this.out.note(`More: the same with --cursor ${document.next_cursor}`);
  }
}
