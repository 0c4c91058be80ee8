import { describe, expect, it } from 'vitest';
import { Args, Flags } from '../../../src/cli/flags.js';
import { parseWords } from '../../../src/cli/parse-words.js';

const grammar = {
  args: { target: Args.string({ required: true, description: 'the target' }), text: Args.string({ description: 'x' }) },
  flags: {
    file: Flags.string({ char: 'f', summary: 'a file', exclusive: ['cursor'] }),
    param: Flags.string({ multiple: true, summary: 'repeat' }),
    format: Flags.option({ options: ['table', 'csv'], default: 'table', summary: 'rows as' }),
    limit: Flags.integer({ min: 0, max: 10, summary: 'rows' }),
    wait: Flags.boolean({ allowNo: true, summary: 'wait' }),
    quiet: Flags.boolean({ char: 'q', summary: 'quiet' }),
    verbose: Flags.boolean({ char: 'v', summary: 'loud' }),
    cursor: Flags.string({ summary: 'go on' }),
    op: Flags.integer({ summary: 'number', dependsOn: ['cursor'] }),
    'no-start': Flags.boolean({ summary: 'a flag that begins so' }),
  },
};
const parse = (...words: string[]) => parseWords(words, grammar);

describe('the words of a command', () => {
  it('may stand in any order, with values joined or behind', () => {
    for (const words of [
      ['db', 'select 1', '--file', 'a.sql', '--limit', '3'],
      ['--file=a.sql', 'db', '--limit=3', 'select 1'],
      ['-f', 'a.sql', '--limit=3', 'db', 'select 1'],
      ['-fa.sql', 'db', 'select 1', '--limit', '3'],
      ['-qf=a.sql', '--limit', '3', 'db', 'select 1'],
    ])
      expect(parse(...words)).toMatchObject({
        args: { target: 'db', text: 'select 1' },
        flags: { file: 'a.sql', limit: 3 },
      });
  });

  it('say what was not given: false, nothing, or the default', () => {
    expect(parse('db').flags).toEqual({
      file: undefined,
      param: undefined,
      format: 'table',
      limit: undefined,
      wait: undefined,
      quiet: false,
      verbose: false,
      cursor: undefined,
      op: undefined,
      'no-start': false,
    });
  });

  it('can deny where that is a word, and join letters', () => {
    expect(parse('db', '--no-wait', '-qv').flags).toMatchObject({ wait: false, quiet: true, verbose: true });
    expect(parse('db', '--wait', '--no-start').flags).toMatchObject({ wait: true, 'no-start': true });
    expect(() => parse('db', '--no-quiet')).toThrow('Unknown flag: --no-quiet.');
    expect(() => parse('db', '--quiet=yes')).toThrow('Unknown flag: --quiet=yes.');
  });

  it('keep a value whole: empty, with equals signs, a minus, or several lines', () => {
    expect(parse('db', '--param', 'a=b=c', '--param=', '--param', '-5', '--param=x\ny').flags.param).toEqual([
      'a=b=c',
      '',
      '-5',
      'x\ny',
    ]);
    expect(parse('db', '-', '--cursor', '-').args).toEqual({ target: 'db', text: '-' });
    expect(parse('db', '-1').argv).toEqual(['db', '-1']);
  });

  it('are arguments behind --, whatever they look like', () => {
    expect(parse('db', '--', '--limit')).toMatchObject({
      args: { target: 'db', text: '--limit' },
      argv: ['db', '--limit'],
    });
  });

  it('are never taken from what every object has', () => {
    for (const name of ['constructor', '__proto__', 'no-constructor', 'toString'])
      expect(() => parse('db', `--${name}`)).toThrow(`Unknown flag: --${name}.`);
  });
});

describe('what cannot be meant', () => {
  it.each([
    [[], 'Missing TARGET: the target.'],
    [['db', 'x', 'more', 'words'], 'Unexpected arguments: more, words.'],
    [['db', '--limt', '3'], 'Unknown flag: --limt. Did you mean --limit?'],
    [['db', '--limt=3', '-z'], 'Unknown flags: --limt=3, -z. Did you mean --limit?'],
    [['db', '--file'], 'Flag --file expects a value.'],
    [['db', '--file', '--limit', '3'], 'Flag --file expects a value.'],
    [['db', '--format'], 'Flag --format expects one of these values: table, csv.'],
    [['db', '--format', 'xml'], 'Expected --format=xml to be one of: table, csv.'],
    [['db', '--limit', 'ten'], '--limit expects a whole number, not "ten".'],
    [['db', '--limit', '99999999999999999999'], '--limit expects a whole number'],
    [['db', '--limit', '-1'], '--limit must be at least 0, not -1.'],
    [['db', '--limit', '11'], '--limit must be at most 10, not 11.'],
    [['db', '--limit', '1', '--limit', '2'], 'Flag --limit can only be specified once.'],
    [['db', '--op', '1'], '--op needs --cursor beside it.'],
    [['db', '--file', 'a', '--cursor', 'c'], '--file cannot stand beside --cursor.'],
  ])('%j is refused, and said why', (words, message) => {
    expect(() => parse(...words)).toThrow(message);
  });

  it('a required flag is asked for by its name', () => {
    const flags = { reason: Flags.string({ required: true, summary: 'why' }) };
    expect(() => parseWords([], { flags })).toThrow('Missing required flag --reason.');
    expect(parseWords(['a', 'b'], { flags: {}, args: {}, strict: false }).argv).toEqual(['a', 'b']);
  });
});
