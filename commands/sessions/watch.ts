import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class SessionsWatch extends BaseCommand {
  static override summary = 'See live sessions as they happen: one event a line, NDJSON when piped or with --json.';
  static override examples = [
    '<%= config.bin %> sessions watch --target db-prod',
    '<%= config.bin %> sessions watch --json',
  ];
  static override flags = {
    session: Flags.string({ helpValue: 'ID', summary: 'Only this session; ends with it.' }),
    target: Flags.string({ helpValue: 'NAME', summary: 'Only sessions on this target.' }),
    user: Flags.string({ helpValue: 'NAME', summary: 'Only sessions of this user.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(SessionsWatch);
    const { session, target, user } = flags;
    const { watchSessions } = await import('../../src/cli/watch.js');
    const client = await this.connect();
    const filter = { ...(session && { session }), ...(target && { target }), ...(user && { user }) };
    await watchSessions(client, filter, { out: this.out, signal: this.signal });
  }
}
