import { BaseCommand } from '../../src/cli/base-command.js';
import { Flags } from '../../src/cli/flags.js';

export default class PolicyVersions extends BaseCommand {
  static override summary = 'Bundles that were applied, newest first; sluice apply --to VERSION goes back to one.';
  static override flags = {
    limit: Flags.integer({ min: 1, max: 1000, default: 20, helpValue: 'N', summary: 'At most so many.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(PolicyVersions);
    const client = await this.connect();
    const document = await client.bundleVersions(flags.limit, { signal: this.signal });
    const rows = document.versions.map((one) => [
      one.version,
      one.in_force ? 'in force' : '',
      one.applied_at,
      one.by,
      one.message ?? '',
      one.digest,
    ]);
    await this.out.table(document, ['VERSION', 'STATE', 'APPLIED', 'BY', 'NOTE', 'DIGEST'], rows);
  }
}
