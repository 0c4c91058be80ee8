import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Terminal } from '../../support/tmux.js';
import { type ApprovalLab, openApprovalLab } from './support.js';

const sluice = `${process.execPath} ${fileURLToPath(new URL('../../../bin/dev.js', import.meta.url))}`;

let lab: ApprovalLab;
let home: string;
let requester: Terminal;
let reviewer: Terminal;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'sluice-two-'));
  lab = await openApprovalLab();
  const base = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TERM: 'screen-256color',
    LC_ALL: 'C.UTF-8',
    PS1: 'ready> ',
  };
  requester = await Terminal.open('requester', {
    ...base,
    ...{ PGHOST: '127.0.0.1', PGPORT: String(lab.running.gateway.postgresPort), PGUSER: 'me', PGDATABASE: 'demo-db' },
    ...{ PGSSLMODE: 'disable', PGPASSWORD: await lab.token('engineer') },
  });
  reviewer = await Terminal.open('reviewer', {
    ...base,
    ...{ SLUICE_CONFIG_DIR: join(home, 'config'), SLUICE_STATE_DIR: join(home, 'state') },
    ...{ SLUICE_GATEWAY: lab.running.url, SLUICE_TOKEN: await lab.token('reviewer') },
  });
});
afterAll(async () => {
  await requester.close();
  await reviewer.close();
  await lab.stop();
  await rm(home, { recursive: true, force: true });
});

it('two people at their terminals: one sees the other’s statement come, decides, and it runs', async () => {
  const before = await lab.stock(1);
  await reviewer.type(`${sluice} requests list --watch`);
  await reviewer.shows(/Nothing waits for approval/);

  await requester.type('psql -X -q');
  await requester.shows(/demo-db=> $/m);
  await requester.type('update products set stock = stock + 1 where id = 1;');
  const [, id = ''] = await requester.shows(/Request (req_\w+), open for 10 min/);

  // It comes by itself, with the time that is left, which runs.
  const [, left = ''] = await reviewer.shows(new RegExp(`${id}\\s+(\\d+:\\d\\d|\\d+ ?m[^ ]*)`));
  await reviewer.shows(new RegExp(`${id}\\s+(?!${left})\\d`));
  await reviewer.press('q');
  // The terminal is as it was: what is typed shows, and the command ended well.
  await reviewer.type('echo "ended with $?"');
  await reviewer.shows(/^ended with 0\s+ready> $/m);
  await reviewer.type(`${sluice} requests show ${id}`);
  const [shown] = await reviewer.shows(/client\s+psql, from 127\.0\.0\.1 by listener[\s\S]*expires/);
  expect(shown).toContain('set stock = stock + 1');
  await reviewer.type(`${sluice} requests approve ${id} --comment 'looks right'`);
  await reviewer.shows(/approved|executed/);

  await requester.shows(/demo-db=> $/m);
  expect(await lab.stock(1)).toBe(before + 1);
  await requester.type('select 40 + 2 as answer;');
  await requester.shows(/\b42\b/);

  // What others decide leaves the list by itself; Ctrl-C ends watching too, as everywhere.
  await reviewer.type(`clear; ${sluice} requests list --watch`);
  await reviewer.shows(/Nothing waits for approval/);
  await requester.type('update products set stock = stock + 1 where id = 2;');
  const [other = ''] = await reviewer.shows(/req_\w+(?=\s+\d+:\d\d)/);
  expect(other).not.toBe(id);
  await lab.vote(other, 'deny', 'reviewer2');
  await reviewer.shows(/^Nothing waits for approval\.\s+\(q ends\)\s*$/m);
  expect(await reviewer.screen()).not.toContain(other);
  await requester.shows(/Denied by reviewer2@demo\.example: not on a Friday/);
  await reviewer.press('C-c');
  await reviewer.type('echo "ended with $?"');
  await reviewer.shows(/^ended with 130\s+ready> $/m);
  expect(await lab.request(id)).toMatchObject({ state: 'executed', outcome: { ok: true } });
});
