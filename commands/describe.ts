import { BaseCommand } from '../src/cli/base-command.js';
import { Args } from '../src/cli/oclif.js';
import { plain } from '../src/cli/plain.js';

const marks = { allow: ['green', '✓'], hold: ['yellow', '⏸'], deny: ['red', '✗'] } as const;

export default class Describe extends BaseCommand {
  static override summary = 'What you may do on a target, and which columns come masked.';
  static override args = { target: Args.string({ required: true, description: "the target's name" }) };

  async run(): Promise<void> {
    const { args } = await this.parse(Describe);
    const client = await this.connect();
    const target = await client.target(args.target, { signal: this.signal });
    this.out.show(target, () => {
      const labels = Object.entries(target.labels).map(([name, value]) => `${name}=${value}`);
      const lines = [
        `${plain(target.name)}   ${target.kind}   ${plain(labels.join(' '))}`,
        `database   ${plain(target.database ?? '')}`,
        `recording  ${target.recording}`,
        'permissions',
      ];
      for (const { action, verdict, policies } of target.permissions) {
        const [color, mark] = marks[verdict];
        lines.push(
          `  ${this.out.paint(color, mark)} ${verdict.padEnd(5)}  ${plain(action)}   ${plain(policies.join(', '))}`.trimEnd(),
        );
      }
      if (target.protected_columns.length > 0) lines.push('masked columns');
      for (const column of target.protected_columns)
        lines.push(`  ${plain(column.column)}   ${plain(column.class)}   ${plain(column.mask)}`);
      return lines.join('\n');
    });
  }
}
