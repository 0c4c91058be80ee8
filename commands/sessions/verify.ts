import { BaseCommand } from '../../src/cli/base-command.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { verifyText } from '../../src/cli/session-text.js';
import { usage } from '../../src/cli/usage.js';

export default class SessionsVerify extends BaseCommand {
  static override summary = 'Prove that recordings are whole and untouched: 0 valid, 1 not.';
  static override description =
    'Without a file the gateway checks itself; with files or --dir everything is checked here, offline, with ' +
    'nothing but the bytes and the public keys (--key, else those published beside the recordings).';
  static override examples = [
    '<%= config.bin %> sessions verify ses_…',
    '<%= config.bin %> sessions verify recordings/2026-11-23/ses_….journal --key recording.pub.pem',
    '<%= config.bin %> sessions verify --dir recordings --json',
    '<%= config.bin %> sessions verify --dir recordings --key first.pub.pem --anchor anchors.jsonl',
  ];
  static override args = {
    what: Args.string({ description: 'a session id or journal files; nothing means all sessions' }),
  };
  static override strict = false;
  static override flags = {
    dir: Flags.string({ helpValue: 'DIR', summary: 'A recordings folder: every journal and the ledger.' }),
    key: Flags.string({
      multiple: true,
      helpValue: 'FILE',
      summary: 'Trusted public key, PEM; repeat.',
    }),
    anchor: Flags.string({
      multiple: true,
      helpValue: 'FILE|URL',
      summary: 'Heads of the ledger that were kept elsewhere, for --dir; repeat.',
    }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(SessionsVerify);
    const document = await this.#verify(argv.map(String), flags.dir, {
      keys: flags.key ?? [],
      anchors: flags.anchor ?? [],
    });
    this.out.show(document, () => verifyText(document, this.out));
    if (!document.valid) process.exitCode = 1;
  }

  async #verify(
    what: readonly string[],
    dir: string | undefined,
    { keys, anchors }: { readonly keys: readonly string[]; readonly anchors: readonly string[] },
  ) {
    const offline = await import('../../src/cli/verify.js');
    if (dir !== undefined && what.length > 0) throw usage('Give files or --dir, not both.');
    if (dir === undefined && anchors.length > 0) throw usage('--anchor needs --dir: the ledger is checked here.');
    if (dir !== undefined) return offline.verifyFolder(dir, keys, await offline.readAnchors(anchors, this.signal));
    const [first] = what;
    if (first === undefined) return (await this.connect()).verifySessions(null, { signal: this.signal });
    if (await offline.isFile(first)) return offline.verifyFiles(what, keys, () => this.connect());
    if (what.length > 1 || /[./]/.test(first)) throw usage(`No such file: ${first}.`);
    return (await this.connect()).verifySessions(first, { signal: this.signal });
  }
}
