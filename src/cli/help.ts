import type { Config } from '@oclif/core/config';
import { CommandHelp, Help } from '@oclif/core/help';
import { SluiceError } from '../lib/errors.js';
import { helpTopics } from './help-topics.js';
import { loadConfig } from './oclif-config.js';
import type { Output } from './output.js';
import { nearest } from './suggest.js';

/** Where the commands are. */
interface Program {
  readonly root: string;
  readonly packageFile: URL;
}

/** Help for the words given: a topic of ours, a command, a group of commands, or everything. */
export async function showHelp(program: Program, words: readonly string[], out: Output): Promise<void> {
  const first = words[0];
  const topic = words.length === 1 && first !== undefined ? helpTopics[first] : undefined;
  if (topic !== undefined) return out.show(topic.document, () => topic.text);
  const config = await loadConfig(program.root, program.packageFile);
  const subject = longest(config, words);
  if (first !== undefined && subject.length === 0) {
    const hint = nearest(first, [...config.commandIDs.map((id) => id.split(':')[0] ?? id), ...Object.keys(helpTopics)]);
    throw new SluiceError('usage', `No such command: ${first}.${hint === null ? '' : ` Did you mean "${hint}"?`}`);
  }
  if (out.json) return out.document({ schema: 'sluice.help/v1', ok: true, commands: commandList(config, subject) });
  await new OwnHelp(config, { hideAliasesFromRoot: true }).showHelp(subject);
  if (first === undefined) out.payload('More: sluice help exit-codes | environment | json | agents\n');
}

/** The commands of a group, on stderr, before the error that says that one was needed. */
export async function showTopicOnError(program: Program, topic: string): Promise<void> {
  const config = await loadConfig(program.root, program.packageFile);
  await new OwnHelp(config, { sendToStderr: true }).showHelp(topic.split(':'));
}

/** Flags have a section of their own: written out in the usage, with what excludes what, nobody could read them. */
class OwnCommandHelp extends CommandHelp {
  protected override defaultUsage(): string {
    const { id, args, passThrough } = this.command;
    const words = Object.values(args)
      .filter(({ hidden }) => hidden !== true)
      .map((arg) => this.arg(arg));
    return [id, ...words, '[FLAGS]', ...(passThrough === true ? ['[-- WORDS…]'] : [])].join(' ');
  }
}

class OwnHelp extends Help {
  protected override CommandHelpClass = OwnCommandHelp;
}

function longest(config: Config, words: readonly string[]): string[] {
  for (let length = words.length; length > 0; length--) {
    const id = words.slice(0, length).join(':');
    if (config.findCommand(id) !== undefined || config.findTopic(id) !== undefined) return words.slice(0, length);
  }
  return [];
}

function commandList(config: Config, subject: readonly string[]): readonly object[] {
  const prefix = subject.join(':');
  return config.commands
    .filter(
      (command) =>
        command.hidden !== true && (prefix === '' || command.id === prefix || command.id.startsWith(`${prefix}:`)),
    )
    .map((command) => ({
      command: `sluice ${command.id.replaceAll(':', ' ')}`,
      summary: command.summary ?? null,
      args: Object.keys(command.args ?? {}),
      flags: Object.keys(command.flags ?? {}).map((flag) => `--${flag}`),
    }));
}
