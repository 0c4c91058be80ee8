import { BaseCommand } from '../../src/cli/base-command.js';

export default class DaemonUninstall extends BaseCommand {
  static override summary = 'Take the local agent out of the service manager again.';

  async run(): Promise<void> {
    await this.parse(DaemonUninstall);
    const { serviceUnit, uninstallService } = await import('../../src/cli/daemon-service.js');
    const unit = serviceUnit(this.environment);
    const { removed, note } = await uninstallService(unit);
    if (note !== null) this.out.note(note);
    const { manager, file } = unit;
    const document = { schema: 'sluice.daemon_service/v1', ok: true, manager, file, installed: false, started: false };
    this.out.show({ ...document, text: null }, () => (removed ? `removed ${file}` : 'was not installed'));
  }
}
