import { describe, expect, it } from 'vitest';
import { clockTime, durationText, parseDuration } from '../../../src/cli/durations.js';
import { readEnvironment } from '../../../src/cli/environment.js';
import { exitCodeMeanings, exitCodeOf } from '../../../src/cli/exit-codes.js';
import { asSluiceError, errorDocument } from '../../../src/cli/failure.js';
import { failureText } from '../../../src/cli/failure-text.js';
import { bindParameters } from '../../../src/cli/named-parameters.js';
import { plain, plainBlock, plainJson } from '../../../src/cli/plain.js';
import { resolveCommand } from '../../../src/cli/resolve.js';
import { nearest } from '../../../src/cli/suggest.js';
import { renderTable } from '../../../src/cli/table-screen.js';
import { renderTsv } from '../../../src/cli/table.js';
import { SluiceError, type ErrorCode } from '../../../src/lib/errors.js';

const ids = ['exec', 'targets', 'requests:list', 'requests:approve', 'tunnels', 'tunnels:stop'];
const topics = ['requests', 'tunnels'];
const resolve = (...argv: string[]): ReturnType<typeof resolveCommand> => resolveCommand(argv, ids, topics);

describe('finding the command', () => {
  it('takes the longest name, and global flags before it', () => {
    expect(resolve('--json', '--profile', 'p', 'requests', 'list', '--mine')).toEqual({
      kind: 'command',
      id: 'requests:list',
      argv: ['--mine', '--json', '--profile', 'p'],
    });
    expect(resolve('tunnels', 'stop', 'db')).toMatchObject({ id: 'tunnels:stop', argv: ['db'] });
    expect(resolve('tunnels')).toMatchObject({ id: 'tunnels', argv: [] });
  });
  it('keeps what stands behind -- last and untouched', () => {
    expect(resolve('--json', 'exec', 'db', '--', '-h', '--help')).toEqual({
      kind: 'command',
      id: 'exec',
      argv: ['db', '--json', '--', '-h', '--help'],
    });
  });
  it('takes -h and help for help only', () => {
    expect(resolve('requests', 'list', '-h')).toEqual({ kind: 'help', words: ['requests', 'list'] });
    expect(resolve('help', 'exit-codes')).toEqual({ kind: 'help', words: ['exit-codes'] });
    expect(resolve()).toEqual({ kind: 'help', words: [] });
  });
  it('knows an incomplete name from an unknown one, and guesses what was meant', () => {
    expect(resolve('requests')).toEqual({ kind: 'incomplete', topic: 'requests' });
    expect(resolve('requests', 'aprove', 'x')).toMatchObject({ kind: 'unknown', hint: 'requests approve' });
    expect(resolve('exce')).toMatchObject({ kind: 'unknown', hint: 'exec' });
    expect(resolve('request', 'list')).toMatchObject({ kind: 'unknown', typed: 'request', hint: 'requests list' });
    expect(resolve('request', 'aprove', 'x')).toMatchObject({ hint: 'requests approve' });
    expect(resolve('--nonsense')).toMatchObject({ kind: 'unknown', typed: '--nonsense' });
  });
  it('suggests nothing far-fetched', () => {
    expect(nearest('kubernetes', ['exec', 'targets'])).toBeNull();
  });
});

describe('the environment', () => {
  it('isolates everything under SLUICE_CONFIG_DIR and SLUICE_STATE_DIR, the agent’s socket included', () => {
    const found = readEnvironment({
      HOME: '/home/x',
      XDG_RUNTIME_DIR: '/run/x',
      SLUICE_STATE_DIR: '/s',
      SLUICE_CONFIG_DIR: '/c',
    });
    expect(found).toMatchObject({ configDir: '/c', stateDir: '/s', runtimeDir: '/s/run' });
  });
  it('follows XDG otherwise', () => {
    const found = readEnvironment({ HOME: '/home/x', XDG_RUNTIME_DIR: '/run/x', XDG_CONFIG_HOME: '/cfg' });
    expect(found).toMatchObject({
      configDir: '/cfg/sluice',
      stateDir: '/home/x/.local/state/sluice',
      runtimeDir: '/run/x/sluice',
    });
  });
  it.each([{ CI: 'true' }, { SLUICE_NON_INTERACTIVE: '1' }, { CLAUDECODE: '1' }, { TERM: 'dumb' }])(
    'is unattended with %j',
    (variables) => {
      expect(readEnvironment(variables).unattended).toBe(true);
    },
  );
  it('is attended when such a variable is empty or off', () => {
    expect(readEnvironment({ CI: 'false', SLUICE_NON_INTERACTIVE: '0', CLAUDECODE: '' }).unattended).toBe(false);
  });
});

describe('errors', () => {
  const documented: Readonly<Record<ErrorCode, number>> = {
    usage: 2,
    config_invalid: 2,
    login_required: 4,
    denied: 5,
    approval_pending: 8,
    request_denied: 6,
    request_expired: 6,
    not_found: 9,
    conflict: 10,
    gateway_unreachable: 11,
    target_unreachable: 12,
    target_rejected: 3,
    local: 13,
    timeout: 14,
    truncated: 15,
    interrupted: 130,
    too_large: 1,
    protocol: 1,
    recorder_failed: 1,
    unavailable: 1,
    unexpected: 1,
  };
  it.each(Object.entries(documented))('%s ends with %i, which help explains', (code, exit) => {
    expect(exitCodeOf(code as ErrorCode)).toBe(exit);
    expect(exitCodeMeanings.map(([number]) => number)).toContain(exit);
  });
  it('has every field in its document, null where there is nothing', () => {
    expect(errorDocument(new SluiceError('local', 'port busy'))).toEqual({
      schema: 'sluice.error/v1',
      ok: false,
      error: {
        code: 'local',
        exit_code: 13,
        decider: 'local',
        policy: null,
        message: 'port busy',
        retryable: false,
        request_id: null,
        expires_at: null,
        target_code: null,
        target_contacted: null,
        next: [],
      },
    });
  });
  it('is one type, whatever was thrown', () => {
    const coded = (code: string): Error => Object.assign(new Error(code), { code });
    expect(asSluiceError(coded('EADDRINUSE')).code).toBe('local');
    expect(asSluiceError(coded('ECONNREFUSED')).code).toBe('gateway_unreachable');
    expect(asSluiceError('text').message).toBe('text');
    expect(asSluiceError(new Error('x')).code).toBe('unexpected');
  });
  it('shows nothing that could steer a terminal', () => {
    const error = new SluiceError('target_rejected', 'bad \u001b]52;c;x\u0007', {
      decider: 'target',
      targetCode: '42P01',
    });
    const text = failureText(error, { addressee: 'database', bold: (word) => word, red: (word) => word });
    expect(text).toBe('✗ The target rejected it: bad \\x1b]52;c;x\\x07  [42P01]   (exit 3)');
  });

  it.each([
    ['gateway', false, 'The gateway rejected it, as the target would'],
    ['gateway', true, 'The target rejected it'],
    ['target', true, 'The target rejected it'],
  ] as const)('says who rejected it: the %s, contacted %s', (decider, targetContacted, said) => {
    const details = { decider, targetContacted, targetCode: '42601' };
    const error = new SluiceError('target_rejected', 'syntax error', details);
    const text = failureText(error, { addressee: 'database', bold: (word) => word, red: (word) => word });
    expect(text).toBe(`✗ ${said}: syntax error  [42601]   (exit 3)`);
  });

  it.each([
    [false, 'database', '; the database was not contacted'],
    [false, 'target', '; the target was not contacted'],
    [true, 'database', ''],
    [null, 'database', ''],
  ] as const)('says that nothing was contacted by the field alone: %s, %s', (targetContacted, addressee, said) => {
    const error = new SluiceError('denied', 'The session was ended by me.', { policy: 'rows', targetContacted });
    const text = failureText(error, { addressee, bold: (word) => word, red: (word) => word });
    expect(text).toBe(`✗ Denied by gateway policy "rows"${said}.   (exit 5)\n  Why: The session was ended by me.`);
  });
});

describe('values', () => {
  it('become visible when they hold control characters', () => {
    expect(plain('a\u0000\u001b[2J\u009b\u202e\n')).toBe('a\\x00\\x1b[2J\\x9b\\u{202e}\\n');
    // Names that look the same must not be the same on a reviewer's screen.
    const blanks = ['\u3164', '\u115f', '\u034f', '\u2800', '\ufe00', '\u180e', '\u{e0101}', '\u200b'];
    for (const blank of blanks) expect(plain(`orders${blank}`)).toMatch(/^orders\\u\{[0-9a-f]+\}$/);
    expect(plain('done \u2714\ufe0f')).toBe('done \u2714\ufe0f');
    expect(plainBlock('a\r\nb\u0007')).toBe('a\nb\\x07');
    expect(plainJson({ a: '\u009b\u202e' })).toBe('{"a":"\\u009b\\u202e"}');
  });
  it('stay one line a row in TSV', () => {
    expect(
      renderTsv(
        ['a', 'b'],
        [
          ['x\ty', null],
          ['1\n2', 'c:\\d'],
        ],
      ),
    ).toBe('a\tb\nx\\ty\t\n1\\n2\tc:\\\\d\n');
  });
  it('fit the terminal in a table, the widest cut first', () => {
    const text = renderTable(['ID', 'TEXT'], [['ses_1', 'x'.repeat(100)]], {
      width: 40,
      paint: (_style, word) => word,
    });
    const lines = text.trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(lines[1]).toMatch(/^ses_1 +x+…$/);
  });
});

describe('flags', () => {
  it('read durations with their unit, and no others', () => {
    expect(['90s', '10m', '1h30m', '500ms', '1d'].map((text) => parseDuration(text, '--timeout'))).toEqual([
      90_000, 600_000, 5_400_000, 500, 86_400_000,
    ]);
    for (const text of ['', '10', '1 m', '10m!', '-1s', 'm'])
      expect(() => parseDuration(text, '--timeout')).toThrow('expects a duration');
    expect([clockTime(41_000), clockTime(3_661_000)]).toEqual(['0:41', '1:01:01']);
    for (const text of ['90s', '1m30s', '4h', '1h30m', '2d1h', '31d'])
      expect(parseDuration(durationText(parseDuration(text, '--for')), '--for')).toBe(parseDuration(text, '--for'));
    expect([14_400_000, 900_000, 0].map(durationText)).toEqual(['4h', '15m', '0s']);
  });
  it('place parameters by number, with none missing and none twice', () => {
    expect(bindParameters('select $1, $2', ['2=b', '1=a=c'])).toEqual({
      text: 'select $1, $2',
      parameters: ['a=c', 'b'],
    });
    for (const wrong of [['2=b'], ['1=a', '1=b'], ['0=1'], ['1'], ['=1'], ['1=a', 'x=b']])
      expect(() => bindParameters('select $1', wrong)).toThrow('--param');
  });

  it('put names in their places, once each', () => {
    expect(bindParameters('select :id, :name, :id::text', ['name=b', 'id=7'])).toEqual({
      text: 'select $1, $2, $1::text',
      parameters: ['7', 'b'],
    });
  });

  it.each([
    "select ':id', :id",
    'select ":id", :id',
    "select E'\\':id', :id",
    'select $$:id$$, :id',
    'select $a$ $b$ :id $b$ $a$, :id',
    'select 1 -- :id\n, :id',
    'select /* :id /* :id */ :id */ :id',
    "select x::id, U&':id', :id",
    'select a$b$:id',
    "select '$1', :id",
    "select '''' || :id",
  ])('replace a name only where SQL would read one: %s', (text) => {
    const bound = bindParameters(text, ['id=7']);
    const at = text.lastIndexOf(':id');
    expect(bound).toEqual({ text: `${text.slice(0, at)}$1`, parameters: ['7'] });
  });

  it('refuse a name that the text does not have, and names among places', () => {
    expect(() => bindParameters("select ':id'", ['id=7'])).toThrow('no :id');
    expect(() => bindParameters('select :id, $1', ['id=7'])).toThrow('use one of them');
  });
});
