import { BaseCommand } from '../../src/cli/base-command.js';
import { bundleFolder, folderArgs, folderFlags } from '../../src/cli/bundle-folder.js';
import { Flags } from '../../src/cli/flags.js';
import { coveragePercent, noTestRan, type PolicyTestDocument, policyTestText } from '../../src/cli/policy-test.js';
import { problemsText } from '../../src/cli/problems.js';

export default class PolicyTest extends BaseCommand {
  static override summary = 'Run policies/*.test.yaml of a bundle folder against its policies; nothing is contacted.';
  static override description =
    'Ends 0 when every test passes, 1 when one fails or none ran, 2 when bundle or tests are invalid.';
  static override examples = [
    '<%= config.bin %> policy test ./bundle',
    '<%= config.bin %> policy test ./bundle --format junit > policy.xml',
  ];
  static override args = folderArgs;
  static override flags = {
    ...folderFlags,
    filter: Flags.string({ helpValue: 'TEXT', summary: 'Only tests whose name or file contains this.' }),
    format: Flags.option({
      options: ['text', 'json', 'junit'] as const,
      default: 'text',
      summary: 'Form of the results.',
    }),
    'min-coverage': Flags.integer({
      min: 0,
      max: 100,
      helpValue: 'PERCENT',
      summary: 'Fail when fewer policies are covered.',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PolicyTest);
    const { readBundle } = await import('../../src/cli/bundle-files.js');
    const files = await readBundle(bundleFolder(args, flags));
    const { runPolicyTests } = await import('../../src/policy/testing/run-tests.js');
    const report = await runPolicyTests({ files: new Map(Object.entries(files)), filter: flags.filter ?? null });
    if (!report.ok) {
      const document = { schema: 'sluice.policy_check/v1', ok: true, valid: false, problems: report.problems };
      this.out.show(document, () => problemsText(report.problems, Object.keys(files).length, this.out));
      process.exitCode = 2;
      return;
    }
    const failed = report.results.filter(({ passed }) => !passed).length;
    const document: PolicyTestDocument = {
      schema: 'sluice.policy_test/v1',
      ok: true,
      passed: report.results.length - failed,
      failed,
      tests: report.results.map(({ file, line, name, passed, mismatches, outcome }) => {
        const { verdict, policies, message, effects, masked } = outcome;
        const answer = { verdict, policies, message, effects, masked_columns: masked };
        return { file, line, name, passed, mismatches, ...answer };
      }),
      coverage: report.coverage,
    };
    if (flags.format === 'junit') {
      const { junitXml } = await import('../../src/policy/testing/junit.js');
      this.out.payload(junitXml(report.results));
    } else if (flags.format === 'json') this.out.document(document);
    else this.out.show(document, () => policyTestText(document, this.out));
    const tooFew = flags['min-coverage'] !== undefined && coveragePercent(document) < flags['min-coverage'];
    if (tooFew) this.out.alert(`Only ${coveragePercent(document)} % of the policies are covered by a test.`);
    const none = document.tests.length === 0;
    if (none) this.out.alert(noTestRan(flags.filter));
    if (failed > 0 || none || tooFew) process.exitCode = 1;
  }
}
