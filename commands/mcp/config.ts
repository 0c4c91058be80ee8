import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class McpConfig extends BaseCommand {
  static override summary = 'Print, or write, the settings that let an AI client start "sluice mcp serve".';
  static override description =
    'Without --write nothing is changed. With it, the entry is added to the client’s own file and the rest is kept.';
  static override examples = [
    '<%= config.bin %> mcp config --client claude',
    '<%= config.bin %> mcp config --client cursor --toolset read --write',
  ];
  static override flags = {
    client: Flags.option({
      options: ['claude', 'cursor', 'vscode', 'codex'] as const,
      required: true,
      summary: 'Whose settings.',
    }),
    toolset: Flags.option({
      options: ['read', 'run', 'all'] as const,
      default: 'read',
      summary: 'Which tools the client gets.',
    }),
    write: Flags.boolean({ summary: 'Add the entry to the client’s file.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(McpConfig);
    const { mcpConfig } = await import('../../src/cli/mcp-config.js');
    const { HOME: home } = this.environment.variables;
    const place = { home: home ?? null, folder: process.cwd(), profile: this.profileFlag, gateway: this.gatewayFlag };
    const document = await mcpConfig({ ...flags, write: flags.write === true, ...place });
    if (this.out.json) return this.out.document(document);
    if (document.written) this.out.note(`Added "sluice" to ${document.file}.`);
    else {
      this.out.payload(document.text);
      this.out.note(`For ${document.file}; --write adds it there.`);
    }
  }
}
