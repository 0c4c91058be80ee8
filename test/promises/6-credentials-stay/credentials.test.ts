import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { play } from '../support/attack.js';
import { keptFiles } from '../../support/kept-files.js';
import { openLab, type Lab } from '../support/lab.js';
import { targetOf } from '../support/wire-session.js';

let lab: Lab;
let password: string;
let verifier: string;
beforeAll(async () => {
  lab = await openLab();
  const target = targetOf(lab.directUri);
  password = await target.readSecret();
  verifier = String(
    (await lab.direct(`select rolpassword from pg_authid where rolname = '${target.username}'`))[0]?.['rolpassword'],
  );
});
afterAll(() => lab.close());

/** The password and its stored form, as they are and encoded. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, ''),
    [...secret].toReversed().join(''),
  ];
}

describe('the credentials of a target', () => {
  it.each([
    'select rolname, rolpassword from pg_authid',
    'select usename, passwd from pg_shadow',
    'select reverse(rolpassword) from pg_authid',
    'select a::text from pg_authid a',
    "select encode(rolpassword::bytea, 'hex') from pg_authid",
    'select row_to_json(a) from pg_authid a',
    'copy pg_authid to stdout',
    "select pg_read_file('global/1260')",
    "select pg_read_binary_file('global/1260')",
    'select * from pg_user_mappings',
    "select name, setting from pg_settings where name like '%pass%'",
    'show all',
  ])('do not come out by %s', async (sql) => {
    for (const lane of ['simple', 'extended'] as const) {
      const { bytes } = await play(lab.insiderUri, sql, lane);
      for (const form of [...formsOf(password), ...formsOf(verifier.slice(0, 40)), verifier.slice(-44)])
        expect(bytes.includes(form), form).toBe(false);
    }
  });

  it('stand in no answer of the API and in no file that the gateway writes, but sealed', async () => {
    const { own } = lab;
    if (own === null) return; // another gateway's files are not ours to read
    for (const path of ['/v1/targets', '/v1/targets/lab', '/v1/secrets', '/v1/bundle', '/v1/sessions', '/openapi.json'])
      for (const user of ['engineer', 'reviewer', 'reviewer2', 'robot'] as const)
        expect(JSON.stringify((await own.call(user, 'GET', path)).body)).not.toContain(password);
    const written = [...keptFiles(own.stateDir, ['postgres'])];
    expect(written.length).toBeGreaterThan(3);
    for (const { name, bytes } of written) expect(bytes.includes(password), name).toBe(false);
  });

  it('are in no file that other users of the gateway’s machine can open, wherever its folder lies', () => {
    const { own } = lab;
    if (own === null) return;
    const open = [...keptFiles(own.stateDir, ['postgres'])]
      .map(({ name }) => name)
      .filter((name) => !name.endsWith('.pub.pem') && (statSync(join(own.stateDir, name)).mode & 0o077) !== 0);
    expect(open).toEqual([]);
  });
});
