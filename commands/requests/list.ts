import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

const states = ['pending', 'approved', 'denied', 'expired', 'cancelled', 'executed', 'failed'] as const;

export default class RequestsList extends BaseCommand {
  static override summary = 'List requests for approval, newest first.';
  static override flags = {
    state: Flags.option({ options: states, summary: 'Only requests in this state.' }),
    mine: Flags.boolean({ summary: 'Only your own.' }),
    limit: Flags.integer({ min: 1, helpValue: 'N', summary: 'At most so many.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(RequestsList);
    const client = await this.connect();
    const document = await client.requests(
      {
        ...(flags.state && { state: flags.state }),
        ...(flags.mine && { mine: true }),
        ...(flags.limit !== undefined && { limit: flags.limit }),
      },
      { signal: this.signal },
    );
    const rows = document.requests.map((request) => [
      request.id,
      request.state,
      request.target,
      request.requester,
      request.required.map(({ group, count, have }) => `${have}/${count} @${group}`).join(' '),
      request.created_at,
      request.text.replace(/\s+/g, ' ').trim(),
    ]);
    await this.out.table(document, ['ID', 'STATE', 'TARGET', 'REQUESTER', 'APPROVALS', 'CREATED', 'TEXT'], rows);
  }
}
