import { BaseCommand } from '../src/cli/base-command.js';
import { Args, Flags } from '../src/cli/oclif.js';
import { plain } from '../src/cli/plain.js';

export default class Login extends BaseCommand {
  static override summary = 'Log in to a gateway; a code is confirmed in any browser (RFC 8628).';
  static override examples = [
    '<%= config.bin %> login https://sluice.corp.example',
    '<%= config.bin %> login http://127.0.0.1:7480 --as engineer',
    '<%= config.bin %> login https://sluice.corp.example --token-stdin < token',
  ];
  static override args = { gateway: Args.string({ description: "the gateway's address; known from the last login" }) };
  static override flags = {
    device: Flags.boolean({ summary: 'The device login, which is also the default.' }),
    as: Flags.string({ helpValue: 'USER', summary: 'A demo user, with the demo provider on this machine only.' }),
    'token-stdin': Flags.boolean({ summary: 'Keep an access token that is piped in.', exclusive: ['as', 'device'] }),
    'client-id': Flags.string({
      helpValue: 'ID',
      summary: 'A machine, by its own credentials.',
      exclusive: ['as', 'device'],
    }),
    'client-secret-file': Flags.string({
      helpValue: 'FILE',
      summary: 'Its secret; "-" is stdin.',
      dependsOn: ['client-id'],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Login);
    const { logIn } = await import('../src/cli/login.js');
    const asked = { gateway: args.gateway ?? this.gatewayFlag, profile: this.profileFlag };
    const result = await logIn(
      { ...flags, ...asked },
      { environment: this.environment, out: this.out, signal: this.signal },
    );
    if (result.note !== null) this.out.note(result.note);
    const document = {
      schema: 'sluice.logged_in/v1',
      ok: true,
      profile: result.profile,
      gateway: result.gateway,
      name: result.name,
      kind: result.kind,
      groups: result.groups,
      expires_at: result.expiresAt,
      stored_in: result.storedIn,
    };
    const groups = result.groups.length === 0 ? '' : ` (${plain(result.groups.join(', '))})`;
    this.out.show(
      document,
      () => `${this.out.paint('green', '✓')} Logged in to ${result.gateway} as ${plain(result.name)}${groups}`,
    );
  }
}
