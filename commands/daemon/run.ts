import { BaseCommand } from '../../src/cli/base-command.js';

export default class DaemonRun extends BaseCommand {
  static override summary = 'Run the local agent in this process.';
  static override hidden = true;

  async run(): Promise<void> {
    await this.parse(DaemonRun);
    const { runAgent } = await import('../../src/agent/app.js');
    const end = await runAgent({
      environment: this.environment,
      signal: this.signal,
      log: (line) => this.out.note(`${new Date().toISOString()} ${line}`),
    });
    this.out.note(`ended: ${end}`);
  }
}
