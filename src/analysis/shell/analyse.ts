import { plainFacts, type Effect, type EffectFacts } from '../effects.js';
import { readCommands, type SimpleCommand } from './commands.js';
import { harmlessVariables, interpreters, shells, wrappers } from './programs.js';
import { ShellSyntaxError, type Word } from './tokens.js';

export interface ShellContext {
  readonly target: string;
  /** A terminal is attached: someone can type into what runs. */
  readonly terminal: boolean;
}

const maxText = 64 * 1024;
const maxCommand = 4_000;
const maxInner = 8;

/** Folders whose programs are the machine's own. One of that name elsewhere is whatever somebody put there. */
const programFolders = new Set(['/bin', '/sbin', '/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin']);
/** Writing to these makes no file. */
const streams = new Set(['/dev/null', '/dev/stdout', '/dev/stderr', '/dev/tty']);

/**
 * The effects of a text that a POSIX shell would run: an `exec` for every program named in it, wrappers and what they wrap
 * each on their own, and an `upload` for every file that a redirection writes. What cannot be read is one `exec` without a program, `opaque`. Never throws.
 */
export function analyseShell(text: string, context: ShellContext): readonly Effect[] {
  const unread = (): readonly Effect[] => [effect(context, { command: clip(text), opaque: true })];
  if (text.length > maxText || text.includes('\0')) return unread();
  try {
    const facts = readCommands(text).flatMap((command) => factsOf(command, 0));
    if (facts.length === 0) return text.trim() === '' ? [] : unread();
    const byKey = new Map(facts.map(programFacts).map((one) => [JSON.stringify(one), one]));
    const programs = [...byKey.values()].map((one) => effect(context, one));
    const written = new Map(facts.flatMap((one) => one.written).map((word) => [word.text, word]));
    return [...programs, ...[...written.values()].map(({ text: path, dynamic }) => writing(context, path, dynamic))];
  } catch (error) {
    if (error instanceof ShellSyntaxError) return unread();
    throw error;
  }
}

type ProgramFacts = Pick<EffectFacts, 'program' | 'command' | 'arguments' | 'paths' | 'opaque'>;
interface ExecFacts extends ProgramFacts {
  readonly written: readonly Word[];
}

function programFacts({ program, command, arguments: words, paths, opaque }: ExecFacts): ProgramFacts {
  return { program, command, arguments: words, paths, opaque };
}

/** A file below the path that a text names, as far as the text tells: where `..` or no folder leads, it does not. */
export function pathEffect(
  target: string,
  action: 'upload' | 'download',
  { path, opaque }: { readonly path: string; readonly opaque: boolean },
): Effect {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const isUnsure = opaque || parts.includes('..') || !path.startsWith('/');
  return {
    ...{ action, resource: { type: 'Path', path: [target, ...parts] } },
    facts: { ...plainFacts, path, opaque: isUnsure },
  };
}

function writing({ target, terminal }: ShellContext, path: string, opaque: boolean): Effect {
  const { facts, ...effect } = pathEffect(target, 'upload', { path: clip(path), opaque });
  return { ...effect, facts: { ...facts, terminal } };
}

function effect(context: ShellContext, facts: Partial<ProgramFacts>): Effect {
  return {
    action: 'exec',
    resource: { type: 'Target', path: [context.target] },
    facts: { ...plainFacts, ...facts, terminal: context.terminal },
  };
}

/** The facts of one simple command, and of the programs that it wraps. */
function factsOf(command: SimpleCommand, depth: number): readonly ExecFacts[] {
  const { words, files } = command;
  const [first, ...rest] = words;
  const text = words.map((word) => word.text).join(' ');
  const program = first === undefined || first.dynamic ? '' : baseName(first.text);
  const inner = first === undefined ? [] : innerOf(program, command, rest, depth);
  const opaque =
    [...words, ...files, ...command.assignments].some((word) => word.dynamic) ||
    command.assignments.some((word) => !harmlessVariables.test(word.text)) ||
    (first !== undefined && first.text.includes('=') && program === '') ||
    inner === 'opaque' ||
    (first !== undefined && !isOwnProgram(first.text)) ||
    text.length > maxCommand;
  const own: ExecFacts = {
    program,
    command: clip(first === undefined ? command.assignments.map((word) => word.text).join(' ') : text),
    arguments: [...new Set(rest.map((word) => word.text))],
    paths: [...new Set([...rest.flatMap((word) => pathsIn(word.text)), ...files.map((word) => word.text)])],
    opaque,
    written: command.written.filter(({ text: file }) => !streams.has(file)),
  };
  return [own, ...(inner === 'opaque' ? [] : inner)];
}

/** What a program would itself run: nothing, commands that stand in its arguments, or what nobody can see. */
function innerOf(
  program: string,
  command: SimpleCommand,
  rest: readonly Word[],
  depth: number,
): readonly ExecFacts[] | 'opaque' {
  if (depth > maxInner) throw new ShellSyntaxError('programs wrapped too deeply');
  if (shells.has(program)) return shellOf(command, rest, depth);
  if (/^(python|perl|ruby|php|lua|node)[\d.]*$/.test(program) || interpreters.has(program)) return 'opaque';
  if (program === 'find' || program === 'fd') return findOf(command, rest, depth);
  const wrapper = wrappers.get(program);
  if (wrapper === undefined) return [];
  let index = 0;
  let own = wrapper.own;
  for (; index < rest.length; index++) {
    const word = rest[index]?.text ?? '';
    if (word === '--') {
      index++;
      break;
    }
    if (word.startsWith('-') && word.length > 1) {
      // -s and -i of sudo, -S of env: a shell, or a text that is split again.
      if (
        (program === 'sudo' && /^-(-shell|-login|-edit|[a-zA-Z]*[sie])/.test(word)) ||
        (program === 'env' && /^-(-split|[a-z]*S)/.test(word))
      )
        return 'opaque';
      if (wrapper.valued.includes(word)) index++;
    } else if (wrapper.assigns && /^[A-Za-z_][A-Za-z0-9_]*=/.test(word)) {
      if (!harmlessVariables.test(word)) return 'opaque';
    } else if (own > 0) own--;
    else break;
  }
  const wrapped = rest.slice(index);
  if (wrapped.length === 0) return program === 'exec' || program === 'env' || program === 'command' ? [] : 'opaque';
  const facts = factsOf({ ...command, assignments: [], files: [], written: [], words: wrapped }, depth + 1);
  // What these run is completed from elsewhere, or is a text for a shell.
  if (program === 'xargs' || program === 'parallel' || program === 'watch' || program === 'flock')
    return facts.map((one) => ({ ...one, opaque: true }));
  return facts;
}

/** `sh -c 'text'` with nothing in it that is not in the text. */
function shellOf(command: SimpleCommand, rest: readonly Word[], depth: number): readonly ExecFacts[] | 'opaque' {
  const at = rest.findIndex((word) => /^-[a-z]*c$/.test(word.text));
  const text = at < 0 ? undefined : rest[at + 1];
  const plainFlags = rest.slice(0, Math.max(at, 0)).every((word) => /^-[eux]+$/.test(word.text));
  if (text === undefined || text.dynamic || !plainFlags || command.fed) return 'opaque';
  // `su -c` runs it as someone else: the text is the same.
  return readCommands(text.text, depth + 1).flatMap((one) => factsOf(one, depth + 1));
}

/** `find … -exec rm {} ;`: what follows is run once a file. */
function findOf(command: SimpleCommand, rest: readonly Word[], depth: number): readonly ExecFacts[] {
  return rest.flatMap((word, index) => {
    if (!/^(-exec|-execdir|-ok|-okdir|-x|-X|--exec|--exec-batch)$/.test(word.text)) return [];
    const end = rest.findIndex((other, place) => place > index && (other.text === ';' || other.text === '+'));
    const words = rest.slice(index + 1, end < 0 ? undefined : end);
    if (words.length === 0) return [];
    return factsOf({ ...command, assignments: [], files: [], written: [], words }, depth + 1).map((one) => ({
      ...one,
      opaque: true,
    }));
  });
}

/** Found where the shell looks for programs, or in a folder of the machine's own. */
function isOwnProgram(name: string): boolean {
  const cut = name.lastIndexOf('/');
  return cut < 0 || programFolders.has(name.slice(0, cut));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What in an argument looks like a path: the whole word, or what follows `=` of an option. */
export function pathsIn(word: string): readonly string[] {
  const value = word.startsWith('-') ? word.slice(word.indexOf('=') + 1) : word;
  return value.includes('/') || value.startsWith('~') || value === '.' || value === '..' ? [value] : [];
}

function clip(text: string): string {
  return text.length > maxCommand ? `${text.slice(0, maxCommand)}…` : text;
}
