import { BaseCommand } from '../../src/cli/base-command.js';
import { Args } from '../../src/cli/oclif.js';
import { problemsText } from '../../src/cli/problems.js';

export default class PolicyCheck extends BaseCommand {
  static override summary = 'Check a bundle folder without applying it: 0 valid, 2 not.';
  static override args = { dir: Args.string({ default: '.', description: 'the bundle folder' }) };

  async run(): Promise<void> {
    const { args } = await this.parse(PolicyCheck);
    const { readBundle } = await import('../../src/cli/bundle-files.js');
    const files = await readBundle(args.dir);
    const client = await this.connect();
    const document = await client.checkPolicy(files, { signal: this.signal });
    this.out.show(document, () => problemsText(document.problems, Object.keys(files).length, this.out));
    if (!document.valid) process.exitCode = 2;
  }
}
