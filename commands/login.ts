import { BaseCommand } from '../src/cli/base-command.js';
import { Args, Flags } from '../src/cli/flags.js';
import { plain } from '../src/cli/plain.js';

export default class Login extends BaseCommand {
  static override summary = 'Log in to a gateway.';
  static override description =
    'In a browser on this machine (PKCE) where there is one, else with a code for any browser (RFC 8628). ' +
    'Scripts and agents: --non-interactive prints address and handle as JSON and ends; --complete HANDLE fetches the login.';
  static override examples = [
    '<%= config.bin %> login https://sluice.corp.example',
    '<%= config.bin %> login http://127.0.0.1:7480 --as engineer',
    '<%= config.bin %> login https://sluice.corp.example --non-interactive',
    '<%= config.bin %> login https://sluice.corp.example --identity-token-file /var/run/secrets/tokens/sluice',
    '<%= config.bin %> login https://sluice.corp.example --client-id deploy --client-key-file deploy.pem',
  ];
  static override args = { gateway: Args.string({ description: "the gateway's address; known from the last login" }) };
  static override flags = {
    device: Flags.boolean({ summary: 'A code, to be confirmed in any browser.', exclusive: ['browser'] }),
    browser: Flags.boolean({ summary: 'A browser on this machine.' }),
    qr: Flags.boolean({ summary: 'Show the address as a QR code too.', exclusive: ['browser'] }),
    'non-interactive': Flags.boolean({ summary: 'Print address and handle as JSON, and do not wait.' }),
    complete: Flags.string({
      helpValue: 'HANDLE',
      summary: 'Finish a login that --non-interactive started.',
      exclusive: ['device', 'browser', 'qr', 'non-interactive'],
    }),
    timeout: Flags.string({ helpValue: '45s', default: '45s', summary: 'How long --complete waits; then exit 14.' }),
    as: Flags.string({ helpValue: 'USER', summary: 'A demo user, with the demo provider on this machine only.' }),
    'token-stdin': Flags.boolean({ summary: 'Keep an access token that is piped in.', exclusive: ['as', 'device'] }),
    'identity-token-file': Flags.string({
      helpValue: 'FILE',
      summary: "A workload, by its platform's token (Kubernetes, GitHub Actions).",
      exclusive: ['as', 'device', 'browser', 'client-id', 'token-stdin'],
    }),
    'client-id': Flags.string({
      helpValue: 'ID',
      summary: 'A machine, by its own credentials.',
      exclusive: ['as', 'device', 'browser'],
    }),
    'client-key-file': Flags.string({
      helpValue: 'FILE',
      summary: 'Its private key (PEM or JWK): private_key_jwt.',
      dependsOn: ['client-id'],
      exclusive: ['client-secret-file'],
    }),
    'client-secret-file': Flags.string({
      helpValue: 'FILE',
      summary: 'Its secret; "-" is stdin.',
      dependsOn: ['client-id'],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Login);
    const { logInAs } = await import('../src/cli/login.js');
    const asked = { gateway: args.gateway ?? this.gatewayFlag, profile: this.profileFlag };
    const { environment, out, signal, canPrompt, stdinWait: stdin } = this;
    const result = await logInAs({ ...flags, ...asked }, { environment, out, signal, attended: canPrompt, stdin });
    if (result === null) return;
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
    this.out.note('Next: sluice targets   (to see what you may use)');
  }
}
