import { BaseCommand } from '../../src/cli/base-command.js';

export default class SignalsWatch extends BaseCommand {
  static override summary = 'See signals as they are raised: one a line, NDJSON when piped or with --json.';

  async run(): Promise<void> {
    await this.parse(SignalsWatch);
    const { watchSignals } = await import('../../src/cli/signals.js');
    const client = await this.connect();
    await watchSignals(client, { out: this.out, signal: this.signal });
  }
}
