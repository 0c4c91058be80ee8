import { describe, expect, it } from 'vitest';
import { allowlistLines, readAllowlist } from '../../../src/relay/allowlist.js';

function permits(line: string, ...asked: readonly [host: string, port: number][]): readonly boolean[] {
  const list = readAllowlist([line]);
  return asked.map(([host, port]) => list.permits({ host, port }));
}

describe('the allowlist of a relay', () => {
  it('permits what a line names, and nothing when there is none', () => {
    expect(permits('db.internal:5432', ['db.internal', 5432], ['DB.internal.', 5432])).toEqual([true, true]);
    expect(
      permits('db.internal:5432', ['db.internal', 5433], ['xdb.internal', 5432], ['db.internal.evil.test', 5432]),
    ).toEqual([false, false, false]);
    expect(readAllowlist([]).permits({ host: 'localhost', port: 22 })).toBe(false);
  });

  it('reads a star as exactly one label', () => {
    expect(
      permits(
        '*.internal:22',
        ['web-1.internal', 22],
        ['a.b.internal', 22],
        ['internal', 22],
        ['.internal', 22],
        ['xinternal', 22],
      ),
    ).toEqual([true, false, false, false, false]);
  });

  it('reads addresses, networks, ranges of ports and any port', () => {
    expect(permits('10.1.0.0/16:22', ['10.1.9.9', 22], ['10.2.0.1', 22], ['db.internal', 22])).toEqual([
      true,
      false,
      false,
    ]);
    expect(permits('127.0.0.1:5432-5440', ['127.0.0.1', 5440], ['127.0.0.1', 5441], ['127.0.0.2', 5440])).toEqual([
      true,
      false,
      false,
    ]);
    expect(permits('[fd00::/8]:*', ['fd00::1', 1], ['fe80::1', 1])).toEqual([true, false]);
    // 0x7f.1 and 2130706433 are 127.0.0.1 to some resolvers: they are no address here, and no name.
    expect(permits('127.0.0.1:80', ['2130706433', 80], ['127.1', 80], ['0x7f.1', 80])).toEqual([false, false, false]);
  });

  it('refuses lines that it cannot read', () => {
    for (const line of [
      '',
      'db',
      'db:0',
      'db:70000',
      'db:9-3',
      '*:22',
      'a.*.b:22',
      '10.0.0.0/40:22',
      'a b:22',
      '1.2.3:22',
      'db:22x',
    ])
      expect(() => readAllowlist([line]), line).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('names programs by their whole path, and mixes nothing up', () => {
    const list = readAllowlist(['/usr/bin/psql', 'db.internal:5432']);
    expect(list.permits({ program: '/usr/bin/psql' })).toBe(true);
    for (const program of ['/usr/bin/psql2', '/usr/bin', '/usr/bin/../bin/psql', '/usr/bin//psql', 'db.internal:5432'])
      expect(list.permits({ program }), program).toBe(false);
    expect(list.permits({ host: '/usr/bin/psql', port: 5432 })).toBe(false);
    for (const line of ['/usr/bin/', '/usr/bin/*', '/usr/../bin/psql', '/a\u0007b'])
      expect(() => readAllowlist([line]), line).toThrow('does not say');
  });

  it('reads a file: one a line, with comments', () => {
    expect(allowlistLines('# databases\ndb.internal:5432  # main\r\n\n  *.internal:22\n')).toEqual([
      'db.internal:5432',
      '*.internal:22',
    ]);
  });
});
