import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

const states = ['pending', 'approved', 'denied', 'expired', 'cancelled', 'executed', 'failed'] as const;

export default class RequestsList extends BaseCommand {
  static override summary = 'List requests for approval, newest first; or watch them come and go.';
  static override flags = {
    state: Flags.option({ options: states, summary: 'Only requests in this state.' }),
    mine: Flags.boolean({ summary: 'Only your own.' }),
    watch: Flags.boolean({
      exclusive: ['state', 'limit'],
      summary: 'Go on: on a terminal with the time left, else one NDJSON line for each change.',
    }),
    limit: Flags.integer({ min: 1, helpValue: 'N', summary: 'At most so many.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(RequestsList);
    const client = await this.connect();
    if (flags.watch) {
      const { watchRequests } = await import('../../src/cli/request-watch.js');
      const lines = process.stdout.isTTY === true ? process.stdout.rows : null;
      const keys = this.canPrompt ? process.stdin : null;
      return await watchRequests(client, { out: this.out, signal: this.signal, mine: flags.mine, lines, keys });
    }
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
