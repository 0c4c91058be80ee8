import { BaseCommand } from '../src/cli/base-command.js';
import { Flags } from '../src/cli/flags.js';
import { plain } from '../src/cli/plain.js';

export default class Status extends BaseCommand {
  static override summary = 'Which gateway, whether it answers, and who you are there.';
  static override flags = { check: Flags.boolean({ summary: 'End with 4 or 11 when a command would.' }) };

  async run(): Promise<void> {
    const { flags } = await this.parse(Status);
    const { readStatus } = await import('../src/cli/status.js');
    const asked = { profile: this.profileFlag, gateway: this.gatewayFlag };
    const { document, problem } = await readStatus(this.environment, asked, this.signal);
    if (flags.check && problem !== null) throw problem;
    this.out.show(document, () =>
      [
        `profile  ${plain(document.profile ?? 'none')}`,
        `gateway  ${plain(document.gateway ?? 'none')}${document.reachable === false ? '   does not answer' : ''}`,
        `user     ${document.user === null ? 'not logged in' : `${plain(document.user)} (${plain(document.groups.join(', '))})`}`,
        ...(document.expires_at === null ? [] : [`until    ${document.expires_at}`]),
        ...(document.problem === null ? [] : [`problem  ${plain(document.problem.message)}`]),
      ].join('\n'),
    );
  }
}
