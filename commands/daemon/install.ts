import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class DaemonInstall extends BaseCommand {
  static override summary = 'Make the local agent a service of yours (systemd user unit, launchd agent).';
  static override description =
    'Tunnels that were open come back after a restart, on their ports and with their passwords.';
  static override flags = {
    print: Flags.boolean({ summary: 'Print the unit; write and start nothing.' }),
    'no-start': Flags.boolean({ summary: 'Write the unit, and start nothing.', exclusive: ['print'] }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(DaemonInstall);
    const { installService, serviceUnit } = await import('../../src/cli/daemon-service.js');
    const unit = serviceUnit(this.environment);
    const { manager, file, text } = unit;
    const started = !flags.print && !flags['no-start'];
    if (!flags.print) await installService(unit, { start: started });
    const document = { schema: 'sluice.daemon_service/v1', ok: true, manager, file, installed: !flags.print, started };
    this.out.show({ ...document, text: flags.print ? text : null }, () => (flags.print ? text : `written ${file}`));
  }
}
