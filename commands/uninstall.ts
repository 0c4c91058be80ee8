import { BaseCommand } from '../src/cli/base-command.js';
import { Flags } from '../src/cli/flags.js';
import { plain } from '../src/cli/plain.js';

export default class Uninstall extends BaseCommand {
  static override summary = 'Remove what sluice keeps on this machine: logins (revoked), agent, tunnels, settings.';
  static override description =
    "Without --yes it says what it would remove, and removes nothing. A gateway's state and recordings stay.";
  static override flags = { yes: Flags.boolean({ summary: 'Do it.' }) };

  async run(): Promise<void> {
    const { flags } = await this.parse(Uninstall);
    const { planUninstall, uninstall } = await import('../src/cli/uninstall.js');
    const { updateCommand } = await import('../src/cli/update-notice.js');
    const done = flags.yes
      ? await uninstall(this.environment, { out: this.out, signal: this.signal })
      : await planUninstall(this.environment);
    const program = updateCommand(this.program.version, this.program.root).startsWith('brew')
      ? 'brew uninstall sluice'
      : 'npm uninstall --global sluice';
    this.out.show({ schema: 'sluice.uninstall/v1', ok: true, removed: flags.yes === true, ...done, program }, () => {
      const verb = flags.yes ? 'removed' : 'would remove';
      const lines = [
        ...done.logins.map((name) => `${verb} the login of profile ${plain(name)}`),
        ...(done.service === null ? [] : [`${verb} ${done.service}`]),
        ...(done.agent ? [`${flags.yes ? 'ended' : 'would end'} the local agent and its tunnels`] : []),
        ...done.files.map((file) => `${verb} ${file}`),
        ...(done.ssh_config === null ? [] : [`${verb} the Include line of sluice in ${done.ssh_config}`]),
        ...done.left.map((path) => `stays: ${path}`),
        flags.yes ? `The program itself: ${program}` : 'Nothing was removed. To do it: sluice uninstall --yes',
      ];
      return lines.join('\n');
    });
  }
}
