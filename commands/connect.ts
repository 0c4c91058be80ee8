import { BaseCommand } from '../src/cli/base-command.js';
import { Args, Flags } from '../src/cli/flags.js';

export default class Connect extends BaseCommand {
  static override summary = 'Open a local port to a target, for any client program.';
  static override description =
    'Stays until Ctrl-C, or keeps the tunnel in the local agent with --detach. With "-- CLIENT…" runs the client ' +
    'with PGHOST, PGPORT, PGPASSWORD… set, and ends with its exit code.';
  static override examples = [
    '<%= config.bin %> connect demo-db',
    '<%= config.bin %> connect demo-db -- psql',
    '<%= config.bin %> connect web-1 -- ssh',
    'psql "$(<%= config.bin %> connect demo-db --detach --print uri)"',
    'eval "$(<%= config.bin %> connect demo-db --detach --print env)"',
  ];
  static override args = { target: Args.string({ required: true, description: "the target's name" }) };
  static override flags = {
    port: Flags.integer({
      min: 0,
      max: 65535,
      helpValue: 'N',
      summary: 'Local port; 0 takes a free one. Default: the same every time.',
    }),
    print: Flags.option({
      options: ['env', 'uri', 'json', 'cmd'] as const,
      summary: 'What to print on stdout (default: uri).',
    }),
    detach: Flags.boolean({ summary: 'Keep the tunnel in the local agent and return.', exclusive: ['foreground'] }),
    foreground: Flags.boolean({ summary: 'Keep the tunnel in this process (the default).' }),
    for: Flags.string({ helpValue: '1h', summary: 'Close it after this time.' }),
    stdio: Flags.boolean({ summary: "Join stdin and stdout to the target, as ssh's ProxyCommand." }),
    reason: Flags.string({ helpValue: 'TEXT', summary: 'Why; reviewers and the recording see it.' }),
  };
  static override readonly passThrough = true;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Connect);
    const { runConnect } = await import('../src/cli/connect.js');
    const order = { ...flags, target: args.target, client: this.rest, noDaemon: this.noDaemon };
    const asked = { profile: this.profileFlag, gateway: this.gatewayFlag };
    process.exitCode = await runConnect(order, asked, {
      environment: this.environment,
      out: this.out,
      signal: () => this.signal,
    });
  }
}
