import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const dir = new URL('../../dist/man/', import.meta.url);
const pages = readdirSync(dir).filter((name) => name.endsWith('.1'));
interface Manifest {
  readonly commands: Readonly<Record<string, { readonly hidden?: boolean; readonly flags: object }>>;
}

it('every command that is shown has its page, and so has the whole', () => {
  const manifest = JSON.parse(
    readFileSync(new URL('../../dist/oclif.manifest.json', import.meta.url), 'utf8'),
  ) as Manifest;
  const shown = Object.entries(manifest.commands).filter(([, { hidden }]) => hidden !== true);
  const expected = ['sluice.1', ...shown.map(([id]) => `sluice-${id.replaceAll(':', '-')}.1`)];
  expect([...pages].sort()).toEqual(expected.sort());
  const login = readFileSync(new URL('sluice-login.1', dir), 'utf8');
  for (const flag of Object.keys(manifest.commands['login']?.flags ?? {}))
    expect(login).toContain(`\\-\\-${flag.replaceAll('-', '\\-')}`);
  const whole = readFileSync(new URL('sluice.1', dir), 'utf8');
  for (const part of ['EXIT STATUS', 'ENVIRONMENT', 'SLUICE_TOKEN_FILE', 'FILES']) expect(whole).toContain(part);
});

const hasGroff = spawnSync('groff', ['--version']).status === 0;
it.skipIf(!hasGroff)('groff sets every page without a warning', () => {
  for (const page of pages) {
    const set = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-K', 'utf8', '-z', new URL(page, dir).pathname], {
      encoding: 'utf8',
    });
    expect([page, set.stderr, set.status]).toEqual([page, '', 0]);
  }
});
