import { BaseCommand } from '../../src/cli/base-command.js';
import { parseDuration } from '../../src/cli/durations.js';
import { grantText } from '../../src/cli/grant-text.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { requestText } from '../../src/cli/request-text.js';

export default class AccessRequest extends BaseCommand {
  static override summary = 'Ask for membership in a group, or for what a target needs, for a while.';
  static override description =
    'The window begins at the approval and is absolute: reconnecting does not extend it. With --emergency it begins at ' +
    'once, where configuration allows that; everyone hears of it, and someone else reviews it afterwards.';
  static override examples = [
    '<%= config.bin %> access request demo-db --for 1h --reason INC-42 --wait',
    '<%= config.bin %> access request dba --for 15m --reason INC-42 --emergency',
  ];
  static override args = { name: Args.string({ required: true, description: 'a group or a target' }) };
  static override flags = {
    for: Flags.string({ required: true, helpValue: '1h', summary: 'How long.' }),
    reason: Flags.string({
      required: true,
      helpValue: 'TEXT',
      summary: 'Why; those who approve and the record see it.',
    }),
    emergency: Flags.boolean({ summary: 'Break the glass: at once, loudly, reviewed afterwards.' }),
    wait: Flags.boolean({ summary: 'Wait for people: 0 it has begun, 6 denied or expired, 14 still pending.' }),
    timeout: Flags.string({ default: '10m', helpValue: '10m', summary: 'How long to wait at most.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AccessRequest);
    const body = {
      name: args.name,
      duration_ms: parseDuration(flags.for, '--for'),
      reason: flags.reason,
      ...(flags.emergency && { emergency: true }),
    };
    const { requestAccess } = await import('../../src/cli/access.js');
    const document = await requestAccess(await this.connect(), body, {
      ...{ out: this.out, signal: this.signal, wait: flags.wait },
      timeoutMs: parseDuration(flags.timeout, '--timeout'),
      live: process.stderr.isTTY === true && !this.out.json,
    });
    const { request, grant } = document;
    this.out.show(document, () =>
      grant === null ? (request === null ? '' : requestText(request, this.out)) : grantText(grant, this.out),
    );
    if (grant === null && request !== null)
      this.out.note(`Next: sluice requests wait ${request.id}   It begins when it is approved.`);
  }
}
