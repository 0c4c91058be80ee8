import { BaseCommand } from '../../src/cli/base-command.js';
import { parseDuration } from '../../src/cli/durations.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { requestText } from '../../src/cli/request-text.js';

export default class RequestsWait extends BaseCommand {
  static override summary = 'Wait until a request is decided: 0 approved, 6 denied or expired, 14 still pending.';
  static override args = { request: Args.string({ required: true, description: 'the id, req_…' }) };
  static override flags = { timeout: Flags.string({ default: '10m', helpValue: '10m', summary: 'How long at most.' }) };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RequestsWait);
    const timeoutMs = parseDuration(flags.timeout, '--timeout');
    const { refusalOf, waitForDecision } = await import('../../src/cli/hold.js');
    const client = await this.connect();
    const live = process.stderr.isTTY === true && !this.out.json;
    const request = await waitForDecision(client, args.request, {
      out: this.out,
      signal: this.signal,
      timeoutMs,
      live,
    });
    const refusal = refusalOf(request);
    if (refusal !== null) throw refusal;
    this.out.show({ schema: 'sluice.request/v1', ok: true, request, review: null }, () =>
      requestText(request, this.out),
    );
  }
}
