import { BaseCommand } from '../src/cli/base-command.js';
import { Args, Flags } from '../src/cli/flags.js';

export default class Relay extends BaseCommand {
  static override summary = 'Serve targets of a private network: dials out to the gateway, reaches what it is allowed.';
  static override description =
    'Run it beside targets that the gateway cannot reach. It needs the login of a machine in a group that targets.yaml names ' +
    'for this relay, and a list of what it may connect to: HOST:PORT, where HOST may be a name, *.NAME, an address or a ' +
    'network, and PORT a port, FIRST-LAST or *; and absolute paths of programs that it may run, as root, under the accounts ' +
    'that command targets name. It decides nothing, and keeps no secret of a target.';
  static override examples = [
    '<%= config.bin %> relay office --allow db.internal:5432 --allow *.internal:22',
    '<%= config.bin %> relay office --allow /usr/bin/psql',
    '<%= config.bin %> relay office --allow-file /etc/sluice/relay.allow --json',
  ];
  static override args = {
    name: Args.string({ required: true, description: 'The relay, as targets.yaml names it.' }),
  };
  static override flags = {
    allow: Flags.string({
      multiple: true,
      helpValue: 'HOST:PORT|PROGRAM',
      summary: 'What it may connect to or run; may be repeated.',
    }),
    drain: Flags.string({ helpValue: '30s', summary: 'On SIGTERM, let what runs go on for so long at most.' }),
    'allow-file': Flags.string({ helpValue: 'FILE', summary: 'The same from a file, one a line.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Relay);
    const { serveRelay } = await import('../src/cli/relay.js');
    await serveRelay(
      {
        name: args.name,
        allow: flags.allow ?? [],
        allowFile: flags['allow-file'] ?? null,
        drain: flags.drain,
        version: this.program.version,
      },
      { profile: this.profileFlag, gateway: this.gatewayFlag },
      { environment: this.environment, out: this.out, signal: this.signal },
    );
  }
}
