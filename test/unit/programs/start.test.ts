import { describe, expect, it } from 'vitest';
import { wrapped } from '../../../src/programs/start.js';

const nobody = { uid: 65_534, gid: 65_534 };

describe('the account of a program', () => {
  it('is given up to before the program begins', () => {
    expect(wrapped({ argv: ['/bin/x', '-y'], runAs: nobody }, 0)).toEqual([
      ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'],
      ...['--inh-caps=-all', '--bounding-set=-all', '--', '/bin/x', '-y'],
    ]);
  });

  it('is never root, and never that of a process that cannot give it up', () => {
    expect(() => wrapped({ argv: ['/bin/x'], runAs: { uid: 0, gid: 0 } }, 0)).toThrow('as root');
    expect(() => wrapped({ argv: ['/bin/x'], runAs: nobody }, 1000)).toThrow(
      'only a gateway or relay that runs as root',
    );
  });
});
