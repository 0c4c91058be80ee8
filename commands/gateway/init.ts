import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/oclif.js';

export default class GatewayInit extends BaseCommand {
  static override summary = 'Write a bootstrap file and the folders that a gateway needs.';
  static override examples = [
    '<%= config.bin %> gateway init --dir ./gateway --url https://sluice.corp.example --issuer https://id.corp.example --client-id sluice',
  ];
  static override flags = {
    dir: Flags.string({ default: '.', helpValue: 'DIR', summary: 'Where to write gateway.json, state/ and bundle/.' }),
    url: Flags.string({ required: true, helpValue: 'URL', summary: 'The address that clients use.' }),
    issuer: Flags.string({ required: true, helpValue: 'URL', summary: 'Your OpenID Connect provider.' }),
    'client-id': Flags.string({ required: true, helpValue: 'ID', summary: "The CLI's client id there." }),
    audience: Flags.string({ helpValue: 'TEXT', summary: 'What access tokens are made out to. Default: the URL.' }),
    listen: Flags.string({ default: '127.0.0.1:7480', helpValue: 'HOST:PORT', summary: 'Where to listen.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(GatewayInit);
    const { writeBootstrap } = await import('../../src/cli/bootstrap-file.js');
    const audience = flags.audience ?? flags.url;
    const { file } = await writeBootstrap({ ...flags, clientId: flags['client-id'], audience });
    this.out.show({ schema: 'sluice.gateway_init/v1', ok: true, file }, () => file);
    this.out.note(`Next: sluice gateway start --config ${file}`);
  }
}
