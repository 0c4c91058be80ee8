import { BaseCommand } from '../src/cli/base-command.js';

export default class Whoami extends BaseCommand {
  static override summary = 'Who the gateway takes you for.';

  async run(): Promise<void> {
    const x = await this.parse(Whoami);
    this.out.payload(JSON.stringify(x.flags));
  }
}
