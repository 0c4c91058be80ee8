import { mkdirSync } from 'node:fs';
import { BaseCommand } from '../src/cli/base-command.js';
import { Args } from '../src/cli/flags.js';
import { usage } from '../src/cli/usage.js';

export default class Completion extends BaseCommand {
  static override summary = 'Print the script that completes commands, flags, targets and ids in your shell.';
  static override description =
    'Names come from a file that is refreshed in the background: Tab waits for no gateway, asks for no login, and a ' +
    'name that is new is there at the next Tab.';
  static override examples = [
    'eval "$(<%= config.bin %> completion bash)"      # in ~/.bashrc; the same with zsh in ~/.zshrc',
    '<%= config.bin %> completion fish > ~/.config/fish/completions/sluice.fish',
    '<%= config.bin %> completion powershell | Out-String | Invoke-Expression      # in your $PROFILE',
  ];
  static override args = { shell: Args.string({ required: true, description: 'bash, zsh, fish or powershell' }) };

  async run(): Promise<void> {
    const { args } = await this.parse(Completion);
    const { completionInstall, completionScripts, shells } = await import('../src/cli/completion/scripts.js');
    const shell = shells.find((name) => name === args.shell);
    if (shell === undefined)
      throw usage(`There is no completion for "${args.shell}"; there is for ${shells.join(', ')}.`);
    const { namesDir } = await import('../src/cli/completion/known-names.js');
    try {
      mkdirSync(namesDir(this.environment.stateDir), { recursive: true, mode: 0o700 }); // it is used here from now on
    } catch {
      // The script is good without it: names are then brought by Tab alone.
    }
    const script = completionScripts[shell];
    const document = { schema: 'sluice.completion/v1', ok: true, shell, script, install: completionInstall[shell] };
    this.out.show(document, () => script);
    if (process.stdout.isTTY === true) this.out.note(`\n${completionInstall[shell]}`);
  }
}
