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
  static override args = { name: Args.string({ required: true, description: 'a group or a target' }) };
  static override flags = {
    for: Flags.string({ required: true, helpValue: '1h', summary: 'How long.' }),
    reason: Flags.string({
      required: true,
      helpValue: 'TEXT',
      summary: 'Why; those who approve and the record see it.',
    }),
    emergency: Flags.boolean({ summary: 'Break the glass: at once, loudly, reviewed afterwards.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AccessRequest);
    const body = {
      name: args.name,
      duration_ms: parseDuration(flags.for, '--for'),
      reason: flags.reason,
      ...(flags.emergency && { emergency: true }),
    };
    const client = await this.connect();
    const document = await client.requestAccess(body, { signal: this.signal });
    const { request, grant } = document;
    this.out.show(document, () =>
      grant === null ? (request === null ? '' : requestText(request, this.out)) : grantText(grant, this.out),
    );
    if (request !== null) this.out.note(`Next: sluice requests wait ${request.id}   It begins when it is approved.`);
  }
}
