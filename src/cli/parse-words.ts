import type { ArgSet, Flag, FlagSet } from './flags.js';
import { nearest } from './suggest.js';
import { usage } from './usage.js';

/** What a command takes: its class's own fields. */
export interface Grammar<Flags extends FlagSet, Args extends ArgSet> {
  readonly flags?: Flags;
  readonly args?: Args;
  /** False: more arguments than named ones may come, all of them in `argv`. */
  readonly strict?: boolean;
}

type Values<Set> = {
  readonly [Name in keyof Set]: Set[Name] extends { read: (...words: never[]) => infer V } ? V : never;
};

export interface Parsed<Flags, Args> {
  readonly flags: Values<Flags>;
  readonly args: Values<Args>;
  /** Every argument that is not a flag, in order. */
  readonly argv: readonly string[];
}

/**
 * Reads a command's words: `--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-qf`, `--no-flag`; behind `--` all are
 * arguments. It is our own since the start of a command is mostly what it loads, and oclif's parser loads 140 modules.
 */
export function parseWords<Flags extends FlagSet, Args extends ArgSet>(
  words: readonly string[],
  grammar: Grammar<Flags, Args>,
): Parsed<Flags, Args> {
  const { strict = true } = grammar;
  const flags: FlagSet = grammar.flags ?? {};
  const args: ArgSet = grammar.args ?? {};
  const { given, argv, unknown } = sort(words, flags);
  if (unknown.length > 0) throw unknownFlags(unknown, flags);
  const values = Object.entries(flags).map(([name, flag]) => [name, flag.read(given.get(name) ?? [], name)]);
  const names = Object.keys(args);
  const extra = argv.slice(names.length);
  if (strict && extra.length > 0)
    throw usage(`Unexpected argument${extra.length === 1 ? '' : 's'}: ${extra.join(', ')}.`);
  const missing = Object.entries(args).filter(([, { required }], at) => required === true && argv[at] === undefined);
  if (missing.length > 0)
    throw usage(
      `Missing ${missing.map(([name, { description }]) => `${name.toUpperCase()}: ${description}`).join('; ')}.`,
    );
  requireCompany(given, flags);
  return {
    flags: Object.fromEntries(values) as Values<Flags>,
    args: Object.fromEntries(Object.entries(args).map(([name, arg], at) => [name, arg.read(argv[at])])) as Values<Args>,
    argv,
  };
}

interface Sorted {
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly argv: readonly string[];
  readonly unknown: readonly string[];
}

function sort(words: readonly string[], flags: FlagSet): Sorted {
  const given = new Map<string, string[]>();
  const argv: string[] = [];
  const unknown: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return { given, argv: [...argv, ...rest], unknown };
    const named = word.startsWith('-') && word !== '-' ? flagOf(word, flags) : null;
    if (named === null) {
      const isFlag = word.startsWith('-') && word !== '-' && !/^-\d+(\.\d+)?$/.test(word);
      (isFlag ? unknown : argv).push(word);
      continue;
    }
    const { name, flag } = named;
    const seen = given.get(name) ?? [];
    given.set(name, seen);
    if (flag.type === 'boolean') {
      seen.push(String(!named.denied));
      if (named.tail !== null) rest.unshift(`-${named.tail}`);
      continue;
    }
    if (seen.length > 0 && flag.multiple !== true) throw usage(`Flag --${name} can only be specified once.`);
    const value = named.tail ?? rest.shift();
    // A word that is itself one of the flags is no value: the value was forgotten.
    if (value === undefined || (named.tail === null && flagOf(value, flags)?.tail === null)) throw noValue(name, flag);
    seen.push(value);
  }
  return { given, argv, unknown };
}

interface Named {
  readonly name: string;
  readonly flag: Flag<unknown>;
  readonly denied: boolean;
  /** What follows in the same word: a value, or a boolean's further letters. */
  readonly tail: string | null;
}

function flagOf(word: string, flags: FlagSet): Named | null {
  const long = /^--([^=]+)(?:=(.*))?$/s.exec(word);
  if (long !== null) {
    const [, name = '', value = null] = long;
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (flag !== undefined && (flag.type === 'option' || value === null))
      return { name, flag, denied: false, tail: value };
    const positive = name.startsWith('no-') && value === null ? name.slice(3) : '';
    const denied = Object.hasOwn(flags, positive) ? flags[positive] : undefined;
    return denied?.allowNo === true ? { name: positive, flag: denied, denied: true, tail: null } : null;
  }
  if (!/^-[^-]/.test(word)) return null;
  const [name, flag] = Object.entries(flags).find(([, { char }]) => char === word[1]) ?? [];
  if (name === undefined || flag === undefined) return null;
  const tail = word.slice(flag.type === 'option' && word[2] === '=' ? 3 : 2);
  return { name, flag, denied: false, tail: word.length > 2 ? tail : null };
}

function noValue(name: string, { options }: Flag<unknown>): Error {
  if (options === undefined) return usage(`Flag --${name} expects a value.`);
  return usage(`Flag --${name} expects one of these values: ${options.join(', ')}.`);
}

function unknownFlags(words: readonly string[], flags: FlagSet): Error {
  const known = [...Object.keys(flags), 'help'];
  const hints = words.flatMap((word) => {
    const hint = nearest(word.replace(/^-+/, '').replace(/=.*/s, ''), known);
    return hint === null ? [] : [`--${hint}`];
  });
  const meant = hints.length === 0 ? '' : ` Did you mean ${hints.join(', ')}?`;
  return usage(`Unknown flag${words.length === 1 ? '' : 's'}: ${words.join(', ')}.${meant}`);
}

/** Flags that are required, that need others, or that others rule out. */
function requireCompany(given: ReadonlyMap<string, readonly string[]>, flags: FlagSet): void {
  for (const [name, { required, dependsOn = [], exclusive = [] }] of Object.entries(flags)) {
    if (!given.has(name)) {
      if (required === true) throw usage(`Missing required flag --${name}.`);
      continue;
    }
    const missing = dependsOn.filter((other) => !given.has(other));
    if (missing.length > 0)
      throw usage(`--${name} needs ${missing.map((other) => `--${other}`).join(' and ')} beside it.`);
    const against = exclusive.find((other) => given.has(other));
    if (against !== undefined) throw usage(`--${name} cannot stand beside --${against}.`);
  }
}
