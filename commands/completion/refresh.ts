import { BaseCommand } from '../../src/cli/base-command.js';

export default class CompletionRefresh extends BaseCommand {
  static override summary =
    'Ask the gateway for the names that completion offers; the shell does it in the background.';
  static override hidden = true;

  async run(): Promise<void> {
    await this.parse(CompletionRefresh);
    const { openConnection } = await import('../../src/cli/connection.js');
    const { refreshNames } = await import('../../src/cli/completion/refresh.js');
    const asked = { profile: this.profileFlag, gateway: this.gatewayFlag };
    const { client, profile } = await openConnection(this.environment, asked);
    await refreshNames(client, profile, this.environment.stateDir);
  }
}
