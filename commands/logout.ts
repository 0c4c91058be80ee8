import { BaseCommand } from '../src/cli/base-command.js';
import { Flags } from '../src/cli/flags.js';
import { plain } from '../src/cli/plain.js';

export default class Logout extends BaseCommand {
  static override summary = 'Forget a login here, and revoke it at the identity provider.';
  static override flags = { all: Flags.boolean({ summary: 'Every profile.' }) };

  async run(): Promise<void> {
    const { flags } = await this.parse(Logout);
    const { defaultProfile, logOutOf } = await import('../src/cli/logout.js');
    const profile = flags.all ? null : (this.profileFlag ?? defaultProfile(this.environment));
    const profiles = await logOutOf(profile, { environment: this.environment, out: this.out, signal: this.signal });
    this.out.show({ schema: 'sluice.logged_out/v1', ok: true, profiles }, () =>
      profiles
        .map(({ name, logged_in }) => `${plain(name)}: ${logged_in ? 'logged out' : 'was not logged in'}\n`)
        .join(''),
    );
  }
}
