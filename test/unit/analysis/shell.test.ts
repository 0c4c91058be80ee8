import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyseShell } from '../../../src/analysis/shell/analyse.js';

const read = (text: string) =>
  analyseShell(text, { target: 'web-1', terminal: false }).map(
    ({ facts }) => `${facts.program}${facts.opaque ? '!' : ''}`,
  );
const factsOf = (text: string) => analyseShell(text, { target: 'web-1', terminal: false }).map(({ facts }) => facts);

describe('a shell text', () => {
  it.each([
    ['systemctl status nginx', ['systemctl']],
    ['ls -l /etc | grep foo >/dev/null 2>&1', ['ls', 'grep']],
    ['a && b || c; d & e\nf', ['a', 'b', 'c', 'd', 'e', 'f']],
    ['(cd /tmp && rm x); { ls; }', ['cd', 'rm', 'ls']],
    ['if test -f x; then reboot; else halt; fi', ['test', 'reboot', 'halt']],
    ['while sleep 1; do date; done', ['sleep', 'date']],
    ['! time ls', ['ls']],
    ['"r"m x', ['rm']],
    ['r\\m x', ['rm']],
    ["'/bin/rm' x", ['rm']],
    ['ls # rm', ['ls']],
    ['LC_ALL=C sort', ['sort']],
    ['echo $?', ['echo']],
    ['[ -f x ] && rm x', ['[', 'rm']],
    ['/usr/local/bin/rm x', ['rm']],
  ])('names every program: %s', (text, programs) => {
    expect(read(text)).toEqual(programs);
  });

  it.each([
    ['sudo -u root rm -rf /', ['sudo', 'rm']],
    ['env LC_ALL=C nice -n 5 rm x', ['env', 'nice', 'rm']],
    ['timeout -k 1 5 rm x', ['timeout', 'rm']],
    ["bash -c 'rm x; ls'", ['bash', 'rm', 'ls']],
    ['sh -c "sh -c \'rm x\'"', ['sh', 'sh', 'rm']],
    ['find . -name x -exec rm {} \\;', ['find', 'rm!']],
    ['ls | xargs -n 1 rm', ['ls', 'xargs', 'rm!']],
    ['echo "$(rm x)"', ['rm', 'echo!']],
    ['echo `rm x`', ['rm', 'echo!']],
    ['cat <(rm x)', ['rm', 'cat!']],
  ])('looks into what wraps another program: %s', (text, programs) => {
    expect(read(text)).toEqual(programs);
  });

  it.each([
    ...[
      'eval ls',
      'source x',
      '. x',
      'sh',
      'echo bHM= | base64 -d | sh',
      'bash x.sh',
      'sudo -i',
      'sudo -s',
      'su -',
      'sh <<<ls',
    ],
    ...[
      'python3 -c 1',
      'perl5.36 -e 1',
      'awk 1',
      'vim x',
      'ssh other ls',
      'alias ls=rm',
      'export PATH=.',
      'X=1 ls',
      'X=1',
    ],
    ...[
      'ls $HOME',
      '$X',
      'ls ${HOME}',
      'ls *.log',
      'ls /et?',
      'ls {a,b}',
      'echo $((1+1))',
      '"$X"',
      'env -S "rm x"',
      'LD_PRELOAD=x ls',
    ],
    ...[
      "echo 'a",
      'echo "a',
      'echo `a',
      'echo $(a',
      'cat <<E\nE',
      'f() { ls; }',
      'for i in a; do ls; done',
      'case x in x) ls;; esac',
      'a)',
      '(a',
    ],
    ...["$'rm' x", "${x:-'}'; rm -rf /; '}", '[[ -f x ]]', 'ls \\', 'echo ${x:-$(rm y)}', 'ls\0rm', 'xargs', 'a <'],
  ])('is opaque where a shell would look elsewhere for what to do: %s', (text) => {
    expect(read(text).some((program) => program.endsWith('!'))).toBe(true);
  });

  it('tells arguments and paths', () => {
    expect(factsOf('cp --target-directory=/srv a /etc/hosts ~/b >>/var/log/x')).toMatchObject([
      {
        program: 'cp',
        command: 'cp --target-directory=/srv a /etc/hosts ~/b',
        arguments: ['--target-directory=/srv', 'a', '/etc/hosts', '~/b'],
        paths: ['/srv', '/etc/hosts', '~/b', '/var/log/x'],
        opaque: false,
      },
      { program: '', path: '/var/log/x' },
    ]);
  });

  it.each([
    ['ls >/srv/x', ['/srv/x']],
    ['ls >>/srv/x 2>/srv/y', ['/srv/x', '/srv/y']],
    ['ls &>/srv/x', ['/srv/x']],
    ['ls >|/srv/x', ['/srv/x']],
    ['ls >&/srv/x', ['/srv/x']],
    ['wc <>/srv/x', ['/srv/x']],
    ['>/srv/x', ['/srv/x']],
    ['exec 3>/srv/x', ['/srv/x']],
    ['ls | (cat >/srv/x)', ['/srv/x']],
    ["sh -c 'ls >/srv/x'", ['/srv/x']],
    ['timeout 5 ls >/srv/x', ['/srv/x']],
    ['ls >x', ['x!']],
    ['ls >/srv/../x', ['/srv/../x!']],
    ['ls >/srv/$x', ['/srv/$x!']],
    ['ls </srv/x', []],
    ['ls >/dev/null 2>&1', []],
  ])('knows which files it writes: %s', (text, files) => {
    const effects = analyseShell(text, { target: 'web-1', terminal: false });
    const written = effects.filter(({ action }) => action === 'upload');
    expect(written.map(({ facts }) => `${facts.path}${facts.opaque ? '!' : ''}`)).toEqual(files);
    for (const { resource } of written) expect(resource.type).toBe('Path');
  });

  it.each(['./ls', '/tmp/ls', 'bin/ls', '/usr/bin/../../tmp/ls', '~/ls', 'timeout 5 /tmp/ls'])(
    'does not know a program by its name where anybody may have put it: %s',
    (text) => {
      expect(read(text).at(-1)).toBe('ls!');
    },
  );

  it('has no effect when there is nothing in it', () => {
    expect(read(' \t\n')).toEqual([]);
    expect(read('# only a comment')).toEqual(['!']);
  });

  it('survives whatever it is given, and never finds less than something', () => {
    const piece = fc.constantFrom(
      '"',
      "'",
      '`',
      '$(',
      ')',
      '(',
      '{',
      '}',
      ';',
      '|',
      '&',
      '<',
      '>',
      '\\',
      ' ',
      '\n',
      'rm',
      'a=',
      '#',
      '$',
      '${',
      '!',
      '*',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 40 }), (parts) => {
        const text = parts.join('');
        const effects = analyseShell(text, { target: 'web-1', terminal: false });
        expect(effects.length > 0 || text.trim() === '').toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('is bounded', () => {
    expect(read('a;'.repeat(5000))).toEqual(['!']);
    expect(read(`${'$('.repeat(100)}a${')'.repeat(100)}`)).toEqual(['!']);
    expect(read('x'.repeat(100_000))).toEqual(['!']);
    expect(read(`${'sudo '.repeat(50)}ls`)).toEqual(['!']);
  });
});
