import { expect, it } from 'vitest';
import { Descriptors } from '../../../../src/protocols/ssh/sftp/descriptors.js';

/** A server whose descriptors are these links. */
function serverWith(...links: readonly (string | null)[]): {
  readonly links: (string | null)[];
  readonly descriptors: Descriptors;
} {
  const open = [...links];
  const read = (path: string): string | null => open[Number(path.slice('/proc/self/fd/'.length))] ?? null;
  return { links: open, descriptors: new Descriptors((paths) => Promise.resolve(paths.map(read))) };
}

it('tells what was opened since it was asked last, and nothing that the server had before', async () => {
  const { links, descriptors } = serverWith('pipe:[1]', 'pipe:[2]', '/dev/null');
  await descriptors.begin();
  expect(await descriptors.news()).toEqual([]);
  links[3] = '/srv/a';
  expect(await descriptors.news()).toEqual([{ descriptor: 3, path: '/srv/a' }]);
  descriptors.opened(3);
  links[3] = '/srv/renamed';
  links[4] = 'socket:[7]';
  expect(await descriptors.news()).toEqual([]);
});

it('tells a number that is used again, and what takes the place of something of the server', async () => {
  const { links, descriptors } = serverWith('pipe:[1]', 'pipe:[2]', 'socket:[3]');
  await descriptors.begin();
  links[3] = '/srv/a';
  await descriptors.news();
  descriptors.opened(3);
  descriptors.closed(3);
  links[3] = '/srv/b';
  expect(await descriptors.news()).toEqual([{ descriptor: 3, path: '/srv/b' }]);
  links[2] = '/srv/c';
  links[3] = null;
  expect(await descriptors.news()).toEqual([{ descriptor: 2, path: '/srv/c' }]);
});

it('knows many at once, in whatever order they are closed', async () => {
  const { links, descriptors } = serverWith('pipe:[1]', 'pipe:[2]');
  await descriptors.begin();
  for (let descriptor = 2; descriptor < 200; descriptor++) {
    links[descriptor] = `/srv/${descriptor}`;
    expect(await descriptors.news()).toEqual([{ descriptor, path: `/srv/${descriptor}` }]);
    descriptors.opened(descriptor);
  }
  for (const descriptor of [150, 20]) {
    descriptors.closed(descriptor);
    links[descriptor] = null;
  }
  links[20] = '/srv/new';
  expect(await descriptors.news()).toEqual([{ descriptor: 20, path: '/srv/new' }]);
});

it('says that it is not told where there is no /proc, or more is open than it looks at', async () => {
  const without = serverWith();
  await without.descriptors.begin();
  expect(without.descriptors.isTold).toBe(false);
  const full = serverWith(...Array.from({ length: 40 }, (_, at) => `socket:[${at}]`));
  await full.descriptors.begin();
  expect(full.descriptors.isTold).toBe(false);
});
