import { BaseCommand } from '../../src/cli/base-command.js';
import { durationText } from '../../src/cli/durations.js';
import { Flags } from '../../src/cli/flags.js';

export default class AccessList extends BaseCommand {
  static override summary = 'List who has which group for a while; on stderr, what you may ask for.';
  static override flags = {
    mine: Flags.boolean({ summary: 'Only your own.' }),
    all: Flags.boolean({ summary: 'Ended ones as well.' }),
    'review-due': Flags.boolean({ summary: 'Only emergencies that nobody has reviewed.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(AccessList);
    const client = await this.connect();
    const document = await client.grants(
      {
        ...(flags.mine && { mine: true }),
        ...(flags.all && { all: true }),
        ...(flags['review-due'] && { review_due: true }),
      },
      { signal: this.signal },
    );
    const rows = document.grants.map((grant) => [
      grant.id,
      grant.review_due ? `${grant.state}, review due` : grant.state,
      grant.group,
      grant.user,
      grant.ends_at,
      grant.reason,
    ]);
    await this.out.table(document, ['ID', 'STATE', 'GROUP', 'USER', 'UNTIL', 'REASON'], rows);
    for (const { group, targets, max_ms: maxMs, approvers, emergency_max_ms: atOnceMs } of document.can_request) {
      const needs = approvers.map(({ group: approver, count }) => `${count} of @${approver}`).join(', ');
      const means = targets.length === 0 ? '' : ` (${targets.join(', ')})`;
      const atOnce = atOnceMs === null ? '' : `, or --emergency for ${durationText(atOnceMs)} at most`;
      this.out.note(`You may ask for ${group}${means}: ${durationText(maxMs)} at most, with ${needs}${atOnce}.`);
    }
  }
}
