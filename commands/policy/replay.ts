import { BaseCommand } from '../../src/cli/base-command.js';
import { bundleFolder, folderArgs, folderFlags } from '../../src/cli/bundle-folder.js';
import { parseDuration } from '../../src/cli/durations.js';
import { Flags } from '../../src/cli/flags.js';
import { showReplay } from '../../src/cli/replay.js';

export default class PolicyReplay extends BaseCommand {
  static override summary = 'Judge recorded traffic by a bundle folder: what would be decided otherwise.';
  static override description =
    'Compares the folder with the bundle in force, over what was recorded. Needs permission to read recordings (readSession).';
  static override examples = ['<%= config.bin %> policy replay ./bundle --since 7d --fail-on-change'];
  static override args = folderArgs;
  static override flags = {
    ...folderFlags,
    since: Flags.string({ default: '7d', helpValue: 'DURATION', summary: 'How far back.' }),
    target: Flags.string({ helpValue: 'NAME', summary: 'Only what was done there.' }),
    user: Flags.string({ helpValue: 'NAME', summary: 'Only what they did.' }),
    'fail-on-change': Flags.boolean({ summary: 'End 1 when anything would be decided otherwise.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PolicyReplay);
    const since = new Date(Date.now() - parseDuration(flags.since, '--since')).toISOString();
    const { readBundle } = await import('../../src/cli/bundle-files.js');
    const files = await readBundle(bundleFolder(args, flags));
    const client = await this.connect();
    const only = { ...(flags.target && { target: flags.target }), ...(flags.user && { user: flags.user }) };
    const document = await client.replayPolicy({ files, since, ...only }, { signal: this.signal });
    await showReplay(document, this.out);
    if (flags['fail-on-change'] && (document.changed > 0 || document.truncated)) process.exitCode = 1;
  }
}
