import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../../src/lib/errors.js';
import type { OpenEvent, SessionEvent } from '../../../src/recording/events.js';
import { IndexClient } from '../../../src/recording/index/client.js';
import { opening, recordSession, startOfTime, startRecorder, statement, tempDir } from './support.js';

const as = (name: string, target: string, at = startOfTime): OpenEvent =>
  opening({
    at,
    identity: { subject: `sub-${name}`, name, kind: 'human', issuer: 'https://issuer.example', groups: [] },
    target: { name: target, kind: 'postgres', labels: {} },
  });

/** As an earlier version of Sluice left it: other tables, another version. */
async function writeOlderIndex(path: string): Promise<void> {
  await rm(path);
  const db = new Database(path);
  db.exec('create table sessions (seq integer primary key, id text, user text); pragma user_version = 3');
  db.close();
}

describe('the index of recordings', () => {
  it('lists newest first, filtered and in pages', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const ids: string[] = [];
    for (let index = 0; index < 7; index++) {
      const open = as(index % 2 === 0 ? 'ann' : 'bob', index < 5 ? 'demo-db' : 'prod-db');
      ids.unshift(await recordSession(recorder, [statement(1, 'select 1')], open));
    }
    const live = await recorder.openSession(as('ann', 'demo-db'));
    const idsOf = (page: { sessions: readonly { id: string }[] }): string[] => page.sessions.map(({ id }) => id);
    expect(idsOf(await recorder.list({}))).toEqual([live.session, ...ids]);
    expect(idsOf(await recorder.list({ state: 'live' }))).toEqual([live.session]);
    expect(idsOf(await recorder.list({ user: 'bob', target: 'prod-db' }))).toEqual([ids[1]]);
    const first = await recorder.list({ state: 'closed', limit: 4 });
    expect(idsOf(first)).toEqual(ids.slice(0, 4));
    const second = await recorder.list({ state: 'closed', limit: 4, cursor: first.next_cursor ?? '' });
    expect(idsOf(second)).toEqual(ids.slice(4));
    expect(second.next_cursor).toBeNull();
    await expect(recorder.list({ cursor: "'; drop table sessions" })).rejects.toSatisfy((error) =>
      isSluiceError(error, 'usage'),
    );
  });

  it('finds statements, parameters, errors, effects, policies, people and targets', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const one = await recordSession(
      recorder,
      [
        statement(1, 'select * from order_items'),
        statement(2, 'select * from nope', { error: 'relation "nope" is unknown' }),
      ],
      as('ann', 'demo-db'),
    );
    const two = await recordSession(
      recorder,
      [statement(1, 'drop table orders', { verdict: 'deny' }), statement(2, "update customers set name = 'Zoë'")],
      as('bob@corp.example', 'prod-db'),
    );
    const found = async (query: string, filter = {}): Promise<string[]> =>
      (await recorder.search(query, filter)).sessions.flatMap(({ id, matches }) =>
        matches.map(({ op }) => `${id} ${op}`),
      );
    expect(await found('order_items')).toEqual([`${one} 1`]);
    expect(await found('unknown relation')).toEqual([`${one} 2`]);
    expect(await found('drop')).toEqual([`${two} 1`]);
    expect(await found('bob zoe')).toEqual([`${two} 2`]);
    expect(await found('"from nope"')).toEqual([`${one} 2`]);
    expect(await found('42', { target: 'demo-db' })).toEqual([`${one} 1`, `${one} 2`]);
    expect(await found('sel', { user: 'ann' })).toEqual([`${one} 1`, `${one} 2`]);
    expect(await found('readers')).toHaveLength(4);
    expect(await found('readers', { target: 'demo' })).toEqual([]);
    expect(await found('missing words here')).toEqual([]);
    const page = await recorder.search('drop', {});
    expect(page.sessions).toMatchObject([
      { id: two, user: 'bob@corp.example', denied: 1, matches: [{ verdict: 'deny', snippet: '«drop» table orders' }] },
    ]);
  });

  it('understands operators, counts what matches, and shows the text that matched', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const one = await recordSession(
      recorder,
      [
        statement(1, 'select name from customers'),
        statement(2, 'select * from nope', { error: 'relation "nope" is unknown' }),
      ],
      as('engineer@corp.example', 'demo-db'),
    );
    const two = await recordSession(
      recorder,
      [statement(1, 'drop table customers', { verdict: 'deny' }), statement(2, 'select 1')],
      as('ann', 'prod-db'),
    );
    const found = async (query: string): Promise<string[]> =>
      (await recorder.search(query, {})).sessions.flatMap(({ id, matches }) => matches.map(({ op }) => `${id} ${op}`));
    expect(await found('user:engineer customers')).toEqual([`${one} 1`, `${one} 2`]); // both touch its effects
    expect(await found('user:eng "from customers"')).toEqual([`${one} 1`]);
    expect(await found('user:demo')).toEqual([]);
    expect(await found('target:prod')).toEqual([`${two} 1`, `${two} 2`]);
    expect(await found('verdict:denied')).toEqual([`${two} 1`]);
    expect(await found('error:42P01')).toEqual([`${one} 2`]);
    expect(await found('error:any')).toEqual([`${one} 2`]);
    expect(await found('effect:select effect:"shop public" policy:readers verdict:allow')).toHaveLength(3);
    expect(await found('since:2026-03-02')).toEqual([]);
    expect(await found('until:2026-03-01 drop')).toEqual([`${two} 1`]);
    await expect(recorder.search('verdict:maybe', {})).rejects.toThrow('allow, deny or hold');
    await expect(recorder.search('since:yesterday', {})).rejects.toThrow('2026-11-23');
    const page = await recorder.search('engineer customers', {});
    expect(page).toMatchObject({ match_count: 2, match_count_capped: false });
    expect(page.sessions[0]?.matches[0]?.snippet).toBe('select name from «customers»');
    expect((await recorder.search('unknown', {})).sessions[0]?.matches[0]?.snippet).toContain('«unknown»');
  });

  it('tells who acted from the person for whom a machine acted', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const robot = { subject: 'sub-robot', name: 'robot', kind: 'machine', issuer: 'https://ci.example', groups: [] };
    const onBehalfOf = { subject: 'sub-ann', name: 'ann' };
    const forAnn = opening({ identity: { ...robot, kind: 'machine', onBehalfOf } });
    const events = [statement(1, 'select 1'), statement(2, 'select 2')];
    const machine = await recordSession(recorder, events, forAnn);
    const person = await recordSession(recorder, [statement(1, 'select 1')], as('ann', 'demo-db'));
    const unrecorded = await recorder.openSession(opening({ identity: forAnn.identity, mode: 'off' }));
    const { session: off } = unrecorded;
    await unrecorded.close('client closed', '');
    const found = async (query: string, filter = {}): Promise<string[]> =>
      (await recorder.search(query, filter)).sessions.flatMap(({ id, matches }) =>
        matches.map(({ op }) => `${id} ${op}`),
      );
    expect(await found('for:ann')).toEqual([`${machine} 1`, `${machine} 2`]);
    expect(await found('for:"sub ann" 2')).toEqual([`${machine} 2`]);
    expect(await found('for:robot')).toEqual([]);
    expect(await found('actor:ann')).toEqual([`${person} 1`]);
    expect(await found('actor:robot user:ann')).toEqual([`${machine} 1`, `${machine} 2`]);
    expect(await found('user:ann 1')).toEqual([`${person} 1`, `${machine} 1`]);
    expect(await found('select', { onBehalfOf: 'ann' })).toEqual([`${machine} 1`, `${machine} 2`]);
    const shown = { id: 'sub-ann', name: 'ann' };
    expect((await recorder.list({ onBehalfOf: 'ann' })).sessions).toMatchObject([
      { id: off, actor: { id: null, name: 'robot', kind: 'machine' }, on_behalf_of: shown },
      { id: machine, actor: { id: 'sub-robot', name: 'robot', kind: 'machine' }, on_behalf_of: shown },
    ]);
    expect((await recorder.get(person))?.session.on_behalf_of).toBeNull();
    await recorder.reindex();
    // Of a session without a journal the ledger knows a name.
    expect((await recorder.list({})).sessions).toMatchObject([
      { id: off, user: 'robot', on_behalf_of: null },
      { id: person, on_behalf_of: null },
      { id: machine, on_behalf_of: shown },
    ]);
  });

  it('keeps to what one subject recorded, whatever others are called', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const mine = await recordSession(recorder, [statement(1, 'select 1')], as('ann', 'demo-db'));
    const other = opening({
      identity: { subject: 'sub-other', name: 'ann', kind: 'human', issuer: 'https://other.example', groups: [] },
    });
    await recordSession(recorder, [statement(1, 'select 1')], other);
    const owner = 'sub-ann';
    expect((await recorder.list({ owner })).sessions).toMatchObject([{ id: mine }]);
    expect(await recorder.search('select', { owner })).toMatchObject({ sessions: [{ id: mine }], match_count: 1 });
    expect(await recorder.ownerOf(mine)).toBe(owner);
    expect(await recorder.ownerOf(other.session)).toBe('sub-other');
  });

  it('shows a statement that was prepared and then run once', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const prepared = (op: number, text: string, kind: string, verdict: 'allow' | 'deny' = 'allow') =>
      statement(op, text, { verdict }).map((event) => (event.type === 'operation' ? { ...event, kind } : event));
    const [parse, allowed] = prepared(1, 'select $1', 'parse');
    if (parse === undefined || allowed === undefined) throw new TypeError();
    const id = await recordSession(recorder, [
      [parse, allowed],
      prepared(2, 'select $1', 'execute'),
      prepared(3, 'select $1', 'execute'),
      prepared(4, 'drop table t', 'parse', 'deny'),
      prepared(5, 'select never', 'parse').slice(0, 2),
    ]);
    const detail = await recorder.get(id);
    expect(detail?.operations.map(({ op }) => op)).toEqual([2, 3, 4, 5]);
    expect(detail?.session).toMatchObject({ operations: 4, denied: 1 });
    const matches = async (query: string) =>
      (await recorder.search(query, {})).sessions.flatMap((session) => session.matches.map(({ op }) => op));
    expect(await matches('select')).toEqual([2, 3, 4, 5]); // the effect of each is a select
    expect(await matches('"select 1"')).toEqual([2, 3]);
    expect(await matches('drop')).toEqual([4]);
  });

  it('finds what a terminal showed', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const shown = (text: string): SessionEvent => ({
      ...{ type: 'terminal', at: startOfTime, op: 1, stream: 'o', data: Buffer.from(text) },
    });
    const id = await recordSession(recorder, [[shown('\u001b[1mroot@web\u001b[0m:~# cat /etc/sha'), shown('dow\r\n')]]);
    expect((await recorder.search('"etc shadow"', {})).sessions).toMatchObject([{ id, matches: [{ op: 0 }] }]);
    expect((await recorder.get(id))?.operations).toEqual([]);
  });

  it('finds text as it stood on a terminal, however it was drawn there', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const event = (op: number, stream: 'o' | 'r', text: string): SessionEvent => ({
      ...{ type: 'terminal', at: startOfTime, op, stream, data: Buffer.from(text) },
    });
    const drawn = [
      'pay\u001b[31mroll\u001b[0m in colours\r\n',
      '\u001b[?1049h\u001b[1;1Hleft\u001b[1;30Hright\u001b[2;1Hbelow',
      '\u001b[5;1Hxx-drawn-in-pieces\u001b[5;1Hre',
      '\u001b[6;1Hover',
      '\u001b[6;1H\u001b[4Cdraft',
      '\u001b[6;5Hwrite\u001b[K',
      '\u001b[7;36Hstrad',
      'dling\u001b[H',
      '\u001b[2J\u001b[9;1Hgoner\u001b[9;5H\u001b[1P',
      '\u001b[?1049l',
      'ready> nee',
      'dle\b \b\b \bxt\r\n',
      '12%\r100%\rfinished\r\n',
    ];
    const id = await recordSession(recorder, [
      [
        ...[event(1, 'r', '40x10'), event(2, 'r', '20x5'), event(1, 'o', 'fir'), event(2, 'o', 'sec')],
        ...[event(1, 'o', 'st\r\n'), event(2, 'o', 'ond\r\n')],
        ...drawn.map((text) => event(1, 'o', text)),
      ],
    ]);
    const finds = async (query: string): Promise<boolean> => {
      const { sessions } = await recorder.search(query, {});
      return sessions.some((session) => session.id === id);
    };
    for (const query of [
      ...['first', 'second', 'payroll', 'left', 'right', 'below', '"left right"', '"re drawn in pieces"', 'overwrite'],
      ...['overdraft', 'straddling', 'goner', 'gone', 'needxt', 'finished', '"ready needxt"'],
    ])
      expect.soft(await finds(query), query).toBe(true);
    for (const query of ['leftright', 'rightbelow', 'firsec', 'undrawn'])
      expect.soft(await finds(query), query).toBe(false);
  });

  it('finds what stands on a terminal while the session goes on', async () => {
    const { recorder } = await startRecorder(await tempDir());
    // What was there before has been looked at.
    await recorder.list({});
    const session = await recorder.openSession(as('ann', 'web-1'));
    const event = (stream: 'o' | 'r', text: string): SessionEvent => ({
      ...{ type: 'terminal', at: startOfTime, op: 1, stream, data: Buffer.from(text) },
    });
    for (const each of [event('r', '40x10'), event('o', 'xxxdle\r'), event('o', 'ne')]) session.append(each);
    await session.commit();
    expect((await recorder.search('needle', {})).sessions).toHaveLength(0);
    session.append(event('o', 'e'));
    await session.commit();
    expect((await recorder.search('needle', {})).sessions).toMatchObject([{ id: session.session }]);
    await session.close('client closed', '');
  });

  it('takes a query for words, never for syntax', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const id = await recordSession(recorder, [statement(1, 'delete from orders where id=7 and note = \'a "b" c\'')]);
    for (const query of [
      'delete from orders where id=7',
      'NEAR(delete',
      'text : delete',
      '"',
      '^delete -from',
      'id:7*)',
    ]) {
      const outcome = await recorder.search(query, {}).catch((error: unknown) => error);
      expect(outcome instanceof Error ? isSluiceError(outcome, 'usage') : true, query).toBe(true);
    }
    expect((await recorder.search('delete from orders where id=7', {})).sessions).toMatchObject([{ id }]);
    expect((await recorder.search('-- note \'a "b" c\'', {})).sessions).toMatchObject([{ id }]);
    await expect(recorder.search(' *** ', {})).rejects.toThrow('at least one word');
  });

  it('pages through sessions of a search, each once', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const ids: string[] = [];
    const busy = Array.from({ length: 8 }, (_, index) => statement(index + 1, 'select pg_sleep(1)'));
    for (let index = 0; index < 5; index++) ids.unshift(await recordSession(recorder, busy));
    const seen: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await recorder.search('pg_sleep', { limit: 2, ...(cursor ? { cursor } : {}) });
      for (const { id, matches } of page.sessions) {
        expect(matches).toHaveLength(5);
        seen.push(id);
      }
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen).toEqual(ids);
  });

  it('gives a session with all its operations, page by page', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const open = opening();
    const session = await recorder.openSession(open);
    for (const event of statement(1, 'delete from orders')) session.append(event);
    const [operation, decision, result] = statement(2, 'delete from orders where id = 7');
    if (operation === undefined || decision === undefined || result === undefined) throw new TypeError();
    session.append(operation);
    session.append({
      ...{ type: 'decision', at: startOfTime, op: 2, verdict: 'hold', policies: ['prod-writes'], message: 'ask a DBA' },
      ...{ policyVersion: 'v1', request: 'req_0123456789abcdef' },
    });
    void session.commit();
    expect(await recorder.get(open.session)).toMatchObject({
      operations: [{ op: 1 }, { op: 2, verdict: 'hold', message: 'ask a DBA', request_id: 'req_0123456789abcdef' }],
    });
    expect((await recorder.search('prod-writes', {})).sessions).toHaveLength(1);
    session.append(decision);
    session.append(result);
    void session.commit();
    expect((await recorder.get(open.session))?.operations[1]).toEqual({
      ...{
        op: 2,
        at: new Date(startOfTime + 2000).toISOString(),
        kind: 'query',
        text: 'delete from orders where id = 7',
      },
      ...{ parameters: ['42', null], effects: ['select on table demo-db/shop/public/customers'], verdict: 'allow' },
      ...{ policies: ['readers'], message: null, request_id: 'req_0123456789abcdef', row_count: 2, error: null },
      duration_ms: 5,
    });
    expect((await recorder.search('prod-writes', {})).sessions).toHaveLength(0);
    const first = await recorder.get(open.session, { limit: 1 });
    expect(first).toMatchObject({ operations: [{ op: 1 }], next_op: 1 });
    const rest = await recorder.get(open.session, { limit: 5, afterOp: first?.next_op ?? 0 });
    expect(rest).toMatchObject({ operations: [{ op: 2 }], next_op: null });
    expect(await recorder.get('ses_0000000000000000')).toBeNull();
  });

  it('is built again from the journals when it is lost, damaged, of an earlier version, or when asked to', async () => {
    const dir = await tempDir();
    const before = await startRecorder(dir);
    for (let index = 0; index < 3; index++)
      await recordSession(before.recorder, [statement(1, `select ${index} as marker`)]);
    const expected = await before.recorder.list({});
    await before.recorder.close();
    for (const lose of [
      () => rm(join(dir, 'index.db')),
      () => writeFile(join(dir, 'index.db'), 'this is no database'.repeat(1000)),
      () => writeOlderIndex(join(dir, 'index.db')),
    ]) {
      await lose();
      const { recorder } = await startRecorder(dir);
      expect(await recorder.list({})).toEqual(expected);
      expect((await recorder.search('marker', {})).sessions).toHaveLength(3);
      expect(await recorder.reindex()).toEqual({ sessions: 3 });
      expect(await recorder.list({})).toEqual(expected);
      expect((await recorder.search('marker', {})).sessions).toHaveLength(3);
      await recorder.close();
    }
  });

  it('keeps nobody waiting who stops a gateway: it is ended in its work, and the next start goes on with it', async () => {
    const dir = await tempDir();
    const first = await startRecorder(dir);
    const ids: string[] = [];
    for (let at = 0; at < 20; at++) ids.unshift(await recordSession(first.recorder, [statement(1, `select ${at}`)]));
    await first.recorder.close();
    const indexPath = join(dir, 'index.db');
    await rm(indexPath);
    const problems: string[] = [];
    const options = { recordingsDir: join(dir, 'recordings'), indexPath, identityFile: null };
    const index = new IndexClient(options, (problem) => problems.push(problem));
    index.tell({ type: 'catch up', live: [] });
    await index.close(0);
    expect(problems).toEqual([]);
    const { recorder } = await startRecorder(dir);
    await expect.poll(async () => (await recorder.search('select', {})).sessions.length).toBe(ids.length);
  });

  it('goes on with a live session after being built again', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const session = await recorder.openSession(opening());
    for (const event of statement(1, 'select 1')) session.append(event);
    void session.commit();
    await recorder.reindex();
    for (const event of statement(2, 'select 2')) session.append(event);
    void session.commit();
    expect((await recorder.get(session.session))?.operations).toMatchObject([{ op: 1 }, { op: 2 }]);
    await session.close('client closed', '');
    expect((await recorder.list({})).sessions).toMatchObject([{ state: 'closed', operations: 2, rows: 4 }]);
  });

  it('keeps up with statements too long to index whole', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const id = await recordSession(recorder, [statement(1, `insert into t values ('${'x'.repeat(3_000_000)}')`)]);
    expect((await recorder.search('insert', {})).sessions).toMatchObject([{ id }]);
    expect((await recorder.get(id))?.operations[0]?.text).toHaveLength(64 * 1024);
  });
});
