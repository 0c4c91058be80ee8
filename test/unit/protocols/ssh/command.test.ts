import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argumentsIn } from '../../../../src/protocols/ssh/command/arguments.js';
import { commandOperation } from '../../../../src/protocols/ssh/command/effects.js';
import { quoteForShell } from '../../../../src/lib/shell-quote.js';

describe('the arguments of a command target', () => {
  it('are the words that a shell would quote so, whatever is in them', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { maxLength: 6 }), (words) => {
        fc.pre(words.every((word) => !word.includes('\0')));
        expect(argumentsIn(words.map(quoteForShell).join(' '))).toEqual(words);
      }),
    );
  });

  it('are refused, never guessed, for any other text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const words = argumentsIn(text);
          // What is taken has nothing outside of quotes that a shell would act on.
          if (!/['"\\#]/.test(text)) expect(words.join('')).toBe(text.replaceAll(/[ \t]/g, ''));
        } catch (error) {
          expect(String(error)).toContain('no shell reads this');
        }
      }),
    );
  });

  it('are refused when they are too many or hold a NUL', () => {
    expect(() => argumentsIn('a '.repeat(1001))).toThrow('too many');
    expect(() => argumentsIn('a\0b')).toThrow('NUL');
  });
});

describe('what a command target is judged by', () => {
  const judge = (kind: 'exec' | 'shell' | 'subsystem', text: string) =>
    commandOperation('tool', { argv: ['/usr/bin/psql', '--no-psqlrc'] }, { kind, text, terminal: true });

  it('is the program and what the person adds to it', () => {
    const { effects, fault } = judge('exec', '-c "select 1" -f /tmp/x.sql');
    expect(fault).toBeNull();
    expect(effects).toMatchObject([
      {
        action: 'exec',
        facts: {
          program: 'psql',
          command: 'psql -c select 1 -f /tmp/x.sql',
          arguments: ['-c', 'select 1', '-f', '/tmp/x.sql'],
          paths: ['/tmp/x.sql'],
          opaque: false,
          terminal: true,
        },
      },
    ]);
  });

  it('is the program alone where a shell is asked for', () => {
    expect(judge('shell', 'shell')).toMatchObject({
      operation: { text: '' },
      effects: [{ facts: { command: 'psql' } }],
    });
  });

  it('is a fault for subsystems and for what a shell would read', () => {
    expect(judge('subsystem', 'sftp').fault?.message).toContain('no subsystems');
    expect(judge('exec', 'a; b')).toMatchObject({ effects: [{ facts: { opaque: true } }], fault: { code: 'denied' } });
  });
});
