import { BaseCommand } from '../../src/cli/base-command.js';
import { bundleFolder, folderArgs, folderFlags } from '../../src/cli/bundle-folder.js';
import { problemsText } from '../../src/cli/problems.js';

export default class PolicyCheck extends BaseCommand {
  static override summary = 'Check a bundle folder; nothing is contacted or applied: 0 valid, 2 not.';
  static override args = folderArgs;
  static override flags = folderFlags;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PolicyCheck);
    const { readBundle } = await import('../../src/cli/bundle-files.js');
    const files = await readBundle(bundleFolder(args, flags));
    const { checkPolicies } = await import('../../src/policy/bundle.js');
    const { valid, problems } = checkPolicies(new Map(Object.entries(files)));
    const document = { schema: 'sluice.policy_check/v1', ok: true, valid, problems };
    this.out.show(document, () => problemsText(problems, Object.keys(files).length, this.out));
    if (!valid) process.exitCode = 2;
  }
}
