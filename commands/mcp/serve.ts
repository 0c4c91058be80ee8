import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class McpServe extends BaseCommand {
  static override summary = 'Serve the tools of an AI agent on stdin and stdout (Model Context Protocol).';
  static override description =
    'Started by an MCP client; see "sluice mcp config". Read and write are separate tools, so a client can allow one. ' +
    'No tool approves anything. The gateway serves the same tools over HTTP at /mcp.';
  static override flags = {
    toolset: Flags.option({
      options: ['read', 'run', 'all'] as const,
      default: 'all',
      summary: 'read: nothing that changes anything; run: statements and asking for approval; all.',
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(McpServe);
    const { serveMcp } = await import('../../src/cli/mcp-serve.js');
    await serveMcp(await this.connect(), {
      toolset: flags.toolset,
      version: this.program.version,
      out: this.out,
      signal: this.signal,
    });
  }
}
