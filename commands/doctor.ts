import { BaseCommand } from '../src/cli/base-command.js';
import { Args, Flags } from '../src/cli/flags.js';

export default class Doctor extends BaseCommand {
  static override summary = 'Find what is wrong between this machine and the gateway, and how to mend it.';
  static override description =
    "With TARGET also how the gateway's own role on that database is confined, and the SQL that would confine it better " +
    '(for those who may read policies). Ends with 1 when something is broken.';
  static override args = { target: Args.string({ description: "a target's name" }) };
  static override flags = {
    report: Flags.string({ helpValue: 'FILE', summary: 'Write the report as JSON too; it holds no secret.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Doctor);
    const { examine } = await import('../src/cli/doctor.js');
    const { doctorText } = await import('../src/cli/doctor-text.js');
    const asked = { profile: this.profileFlag, gateway: this.gatewayFlag };
    const report = await examine(this.environment, asked, { target: args.target ?? null, signal: this.signal });
    if (flags.report !== undefined) {
      const { writePrivate } = await import('../src/lib/private-files.js');
      writePrivate(flags.report, `${JSON.stringify(report, null, 2)}\n`);
    }
    this.out.show(report, () => doctorText(report, this.out));
    if (!report.healthy) process.exitCode = 1;
  }
}
