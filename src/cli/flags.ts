import { usage } from './usage.js';

/** What help, man pages and completion say about a flag; the names are oclif's, whose help reads them. */
interface FlagWords {
  readonly summary?: string;
  readonly char?: string;
  readonly helpGroup?: string;
  readonly hidden?: boolean;
  /** Flags that this one needs beside it, and those it cannot stand beside. */
  readonly dependsOn?: readonly string[];
  readonly exclusive?: readonly string[];
}
interface OptionWords extends FlagWords {
  readonly helpValue?: string;
  readonly required?: boolean;
  readonly multiple?: boolean;
  readonly default?: string | number;
}

/** One flag of a command: how it is written, and what its words mean. */
export interface Flag<Value> extends OptionWords {
  readonly type: 'boolean' | 'option';
  /** A boolean that can also be denied: `--no-wait`. */
  readonly allowNo?: boolean;
  readonly options?: readonly string[];
  /** The value of all the words given for the flag, in order; of none when it was not given. */
  readonly read: (words: readonly string[], flag: string) => Value;
}
export type FlagSet = Readonly<Record<string, Flag<unknown>>>;

/** One argument by its place. */
export interface Arg<Value> {
  readonly description: string;
  readonly required?: boolean;
  readonly read: (word: string | undefined) => Value;
}
export type ArgSet = Readonly<Record<string, Arg<unknown>>>;

type Sure = { readonly required: true } | { readonly default: string | number };
type One<Options, Value> = Options extends Sure ? Value : Value | undefined;
type Given<Options, Value> = Options extends { readonly multiple: true }
  ? readonly Value[] | undefined
  : One<Options, Value>;

function option<const Options extends OptionWords, Value>(
  words: Options,
  value: (word: string, flag: string) => Value,
): Flag<Given<Options, Value>> {
  const read = (given: readonly string[], flag: string): unknown => {
    if (given.length === 0) return words.default;
    const values = given.map((word) => value(word, flag));
    return words.multiple === true ? values : values[0];
  };
  return { ...words, type: 'option', read: read as Flag<Given<Options, Value>>['read'] };
}

function integerOf(word: string, flag: string, { min, max }: { readonly min?: number; readonly max?: number }): number {
  const number = /^-?\d+$/.test(word) ? Number(word) : NaN;
  if (!Number.isSafeInteger(number)) throw usage(`--${flag} expects a whole number, not "${word}".`);
  if (min !== undefined && number < min) throw usage(`--${flag} must be at least ${min}, not ${word}.`);
  if (max !== undefined && number > max) throw usage(`--${flag} must be at most ${max}, not ${word}.`);
  return number;
}

export const Flags = {
  boolean: <const Options extends FlagWords & { readonly allowNo?: boolean }>(
    words: Options,
  ): Flag<Options extends { readonly allowNo: true } ? boolean | undefined : boolean> => {
    const unset = words.allowNo === true ? undefined : false;
    const read = (given: readonly string[]): boolean | undefined =>
      given.length === 0 ? unset : given.at(-1) === 'true';
    return { ...words, type: 'boolean', read: read as () => boolean };
  },

  string: <const Options extends OptionWords>(words: Options): Flag<Given<Options, string>> =>
    option(words, (word) => word),

  integer: <const Options extends OptionWords & { readonly min?: number; readonly max?: number }>(
    words: Options,
  ): Flag<Given<Options, number>> => option(words, (word, flag) => integerOf(word, flag, words)),

  /** One of a closed set of words. */
  option: <const Options extends OptionWords & { readonly options: readonly string[] }>(
    words: Options,
  ): Flag<Given<Options, Options['options'][number]>> =>
    option(words, (word, flag) => {
      if (words.options.includes(word)) return word;
      throw usage(`Expected --${flag}=${word} to be one of: ${words.options.join(', ')}.`);
    }),
};

export const Args = {
  string: <const Options extends { readonly description: string; readonly required?: boolean }>(
    words: Options,
  ): Arg<One<Options, string>> => ({ ...words, read: ((word) => word) as Arg<One<Options, string>>['read'] }),
};
