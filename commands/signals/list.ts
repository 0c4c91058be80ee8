import { BaseCommand } from '../../src/cli/base-command.js';
import { parseDuration } from '../../src/cli/durations.js';
import { Flags } from '../../src/cli/flags.js';
import { evidenceLink } from '../../src/cli/signals.js';

export default class SignalsList extends BaseCommand {
  static override summary = 'Signals that were raised, newest first, with where to look.';
  static override flags = {
    kind: Flags.string({ helpValue: 'KIND', summary: 'Only this kind: repeated-refusal, gateway-tampering…' }),
    severity: Flags.option({ options: ['low', 'medium', 'high'] as const, summary: 'Only this severity.' }),
    user: Flags.string({ helpValue: 'NAME', summary: 'Only of this user.' }),
    since: Flags.string({ helpValue: 'DURATION', summary: 'Only of the last 24h, 7d…' }),
    limit: Flags.integer({ min: 1, max: 1000, default: 100, helpValue: 'N', summary: 'At most so many.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(SignalsList);
    const { kind, severity, user, since, limit } = flags;
    const from = since === undefined ? null : new Date(Date.now() - parseDuration(since, '--since')).toISOString();
    const client = await this.connect();
    const filter = { ...(kind && { kind }), ...(severity && { severity }), ...(user && { user }) };
    const query = { ...filter, ...(from !== null && { since: from }), limit: String(limit) };
    const document = await client.signals(query, { signal: this.signal });
    await this.out.table(
      document,
      ['AT', 'SEVERITY', 'KIND', 'USER', 'WHAT', 'LOOK'],
      document.signals.map((one) => [one.at, one.severity, one.kind, one.user, one.summary, evidenceLink(one)]),
    );
  }
}
