import { describe, expect, it } from 'vitest';
import { complete, type CompletionSpec, type KnownNames } from '../../../src/cli/completion/complete.js';
import { joinedWords, printed } from '../../../src/cli/completion/shell-words.js';

const flag = (value: 'none' | 'any' | readonly string[], more: object = {}) => ({
  summary: 's',
  char: null,
  value,
  multiple: false,
  ...more,
});
const spec: CompletionSpec = {
  global: { json: flag('none'), quiet: flag('none', { char: 'q' }), profile: flag('any') },
  topics: { requests: 'About requests.', tunnels: 'About tunnels.' },
  commands: {
    exec: {
      summary: 'Run.',
      args: ['target', 'text'],
      flags: {
        format: flag(['table', 'csv']),
        file: flag('any', { char: 'f' }),
        param: flag('any', { multiple: true }),
        request: flag('any'),
        label: flag('any'),
      },
    },
    connect: { summary: 'Connect.', args: ['target'], flags: { port: flag('any') } },
    play: { summary: 'Play.', args: ['session'], flags: {} },
    whoami: { summary: 'Who.', args: [], flags: {} },
    'requests:approve': { summary: 'Approve.', args: ['request'], flags: {} },
    'requests:show': { summary: 'Show.', args: ['request'], flags: {} },
    'sessions:kill': { summary: 'Kill.', args: ['session'], flags: {} },
    tunnels: { summary: 'List tunnels.', args: [], flags: {} },
    'tunnels:stop': { summary: 'Stop.', args: ['target'], flags: {} },
  },
};
const known: KnownNames = {
  targets: ['db-demo', 'db-prod', 'web'].map((value) => ({ value, about: 'kind' })),
  labels: [{ value: 'env=prod', about: '' }],
  requests: [
    { value: 'req_1', about: '', open: true },
    { value: 'req_2', about: '', open: false },
  ],
  sessions: [
    { value: 'ses_1', about: '', open: true },
    { value: 'ses_2', about: '', open: false },
  ],
  profiles: [{ value: 'work', about: '' }],
};
const at = (...words: string[]) => complete(words, spec, () => known);
const values = (...words: string[]): readonly string[] => at(...words).candidates.map(({ value }) => value);

describe('completion', () => {
  it('offers commands, groups once each, and then what is in the group', () => {
    expect(values('')).toEqual(['exec', 'connect', 'play', 'whoami', 'requests', 'sessions', 'tunnels', 'help']);
    expect(at('req').candidates).toEqual([{ value: 'requests', about: 'About requests.' }]);
    expect(values('requests', '')).toEqual(['approve', 'show']);
    expect(values('requests', 's')).toEqual(['show']);
    expect(values('--json', '--profile', 'work', 'ex')).toEqual(['exec']);
  });

  it('offers targets where the command takes one, and nothing for its text', () => {
    expect(values('exec', '')).toEqual(['db-demo', 'db-prod', 'web']);
    expect(values('exec', 'db-')).toEqual(['db-demo', 'db-prod']);
    expect(values('exec', '--format', 'csv', '--json', 'w')).toEqual(['web']);
    expect(at('exec', 'web', 'sel')).toEqual({ candidates: [], files: false });
    expect(values('tunnels', 'stop', 'w')).toEqual(['web']);
  });

  it('offers flags that were not given yet, and their values, joined or not', () => {
    expect(values('exec', 'web', '--f')).toEqual(['--format', '--file']);
    expect(values('exec', '--format', 'csv', '--param', 'a=1', '--')).not.toContain('--format');
    expect(values('exec', '--param', 'a=1', '--p')).toEqual(['--param', '--profile']);
    expect(values('exec', '--format', '')).toEqual(['table', 'csv']);
    expect(values('exec', '--format=c')).toEqual(['--format=csv']);
    expect(values('exec', '--label', 'env')).toEqual(['env=prod']);
    expect(values('exec', '--label=e')).toEqual(['--label=env=prod']);
    expect(values('--profile', 'w')).toEqual(['work']);
    expect(values('exec', '--nonsense=')).toEqual([]);
  });

  it('leaves files to the shell, and only where a file is meant', () => {
    expect(at('exec', 'web', '-f', '')).toEqual({ candidates: [], files: true });
    expect(at('exec', 'web', '--file=')).toEqual({ candidates: [], files: true });
    expect(at('connect', 'web', '--', 'ps')).toEqual({ candidates: [], files: true });
    expect(at('exec', 'web', '--', 'ps')).toEqual({ candidates: [], files: false });
    expect(at('play', './x').files).toBe(true);
    expect(at('exec', '--param', 'x')).toEqual({ candidates: [], files: false });
  });

  it('offers for a decision what is undecided, to be ended what lives, and elsewhere all', () => {
    expect(values('requests', 'approve', '')).toEqual(['req_1']);
    expect(values('requests', 'show', '')).toEqual(['req_1', 'req_2']);
    expect(values('sessions', 'kill', '')).toEqual(['ses_1']);
    expect(values('play', '')).toEqual(['ses_1', 'ses_2']);
  });

  it('has nothing to say about words that are no command, and never asks for names there', () => {
    const never = (): KnownNames => expect.fail('asked');
    for (const words of [['nonsense', ''], ['constructor', ''], ['__proto__', 'x'], ['exec', 'web', '--', ''], ['']])
      expect(() => complete(words, spec, never)).not.toThrow();
    expect(values('nonsense', '')).toEqual([]);
  });
});

describe('what shells say and hear', () => {
  it('puts together what bash cut at = and :', () => {
    expect(joinedWords(['exec', '--format', '=', 'c'])).toEqual({ words: ['exec', '--format=c'], cut: 9 });
    expect(joinedWords(['exec', '--format', '='])).toEqual({ words: ['exec', '--format='], cut: 9 });
    expect(joinedWords(['exec', '--label', '=', 'env', '=', 'p'])).toEqual({
      words: ['exec', '--label=env=p'],
      cut: 12,
    });
    expect(joinedWords(['exec', '--format', '=', 'csv', ''])).toEqual({ words: ['exec', '--format=csv', ''], cut: 0 });
    expect(joinedWords(['exec', '--format=c'])).toEqual({ words: ['exec', '--format=c'], cut: 0 });
  });

  it('prints one line for each, without what could steer a terminal', () => {
    const candidates = [{ value: '--format=csv', about: 'a\tb\n\u001b[2Jc\u202e' }];
    expect(printed({ candidates, files: true }, 9)).toBe('csv\ta b [2Jc \n:files\n');
  });
});
