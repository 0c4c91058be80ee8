import { BaseCommand } from '../src/cli/base-command.js';
import { plain } from '../src/cli/plain.js';

export default class Whoami extends BaseCommand {
  static override summary = 'Who the gateway takes you for.';

  async run(): Promise<void> {
    await this.parse(Whoami);
    const client = await this.connect();
    const me = await client.whoami({ signal: this.signal });
    this.out.show(me, () =>
      [
        `${plain(me.name)}   (${me.kind})`,
        `groups   ${plain(me.groups.join(', ')) || 'none'}`,
        `issuer   ${plain(me.issuer)}`,
        `expires  ${me.expires_at}`,
      ].join('\n'),
    );
  }
}
