import { BaseCommand } from '../src/cli/base-command.js';
import { Args } from '../src/cli/flags.js';

export default class Describe extends BaseCommand {
  static override summary = 'What you may do on a target, what people must approve, and what comes masked.';
  static override args = { target: Args.string({ required: true, description: "the target's name" }) };

  async run(): Promise<void> {
    const { args } = await this.parse(Describe);
    const client = await this.connect();
    const target = await client.target(args.target, { signal: this.signal });
    const { describeText } = await import('../src/cli/describe.js');
    this.out.show(target, () => describeText(target, this.out));
  }
}
