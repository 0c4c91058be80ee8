import { BaseCommand } from '../../../src/cli/base-command.js';
import { Flags } from '../../../src/cli/flags.js';

export default class SshKeysAdd extends BaseCommand {
  static override summary = 'Register a key of yours for the gateway’s native SSH port.';
  static override description =
    'For ssh where no command of ours can run: "ssh TARGET@GATEWAY" with this key, as you, in the groups of your last login. ' +
    'ssh-keygen signs with the key, to prove that it is yours. Without --key a key is made and kept beside the configuration.';
  static override examples = [
    '<%= config.bin %> ssh keys add --key ~/.ssh/id_ed25519',
    '<%= config.bin %> ssh keys add --expires 90d',
  ];
  static override flags = {
    key: Flags.string({
      summary: 'An Ed25519 key of your own, or one of a security token; its private half may be in an agent.',
      helpValue: 'FILE',
    }),
    expires: Flags.string({ summary: 'How long it is good for.', helpValue: 'DURATION' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(SshKeysAdd);
    const { registerKey } = await import('../../../src/cli/ssh-keys.js');
    const { parseDuration } = await import('../../../src/cli/durations.js');
    const asked = { profile: this.profileFlag, gateway: this.gatewayFlag };
    const expiresMs = flags.expires === undefined ? null : parseDuration(flags.expires, '--expires');
    await registerKey({ key: flags.key ?? null, expiresMs }, asked, { environment: this.environment, out: this.out });
  }
}
