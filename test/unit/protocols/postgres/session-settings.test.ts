import { expect, it } from 'vitest';
import type { StatementAnalysis } from '../../../../src/analysis/postgres-types.js';
import { SessionSettings } from '../../../../src/protocols/postgres/session-settings.js';

const key = Buffer.alloc(32, 7);
const setting = (object: string, action = 'setParameter'): StatementAnalysis =>
  ({
    text: `set ${object} = 1`,
    effects: [{ action, resource: { type: 'Object', path: [object] }, facts: { object } }],
    changes: [],
    outputs: null,
  }) as unknown as StatementAnalysis;

it('asks for what was set, and tells what is other than at the start', async () => {
  const settings = new SessionSettings(new Map([['TimeZone', 'UTC']]), new Map([['DateStyle', 'ISO']]), key);
  expect(settings.isTouched).toBe(false);
  settings.noteSent(setting('app.tenant'));
  let asked = '';
  await settings.look((sql) => {
    asked = sql;
    return Promise.resolve('[["app.tenant","7"]]');
  });
  expect(asked).toContain(`pg_catalog.unnest(array['app.tenant'])`);
  expect(settings.lines).toEqual([
    'timezone = UTC',
    expect.stringMatching(/^app\.tenant = \(not shown: [0-9a-f]{16}\)$/),
  ]);
});

it('ends a session that sets more than could be told, instead of telling less', () => {
  const settings = new SessionSettings(new Map(), new Map(), key);
  for (let count = 0; count < 1000; count++) settings.noteSent(setting(`app.n${count}`));
  expect(() => settings.noteSent(setting('timezone'))).toThrow('more than 1000 settings were set');
});

it('shows what a text held, and never again what it was set to from elsewhere', async () => {
  const settings = new SessionSettings(new Map(), new Map([['TimeZone', 'UTC']]), key);
  const told = async (value: string): Promise<string> => {
    await settings.look(() => Promise.resolve(JSON.stringify([['timezone', value]])));
    return settings.lines.join();
  };
  settings.noteSent(setting('timezone', 'setSafeParameter'));
  expect(await told('Asia/Tokyo')).toBe('timezone = Asia/Tokyo');
  settings.noteSent(setting('timezone'));
  expect(await told('ABC0')).toMatch(/^timezone = \(not shown: /);
  settings.noteSent(setting('timezone', 'setSafeParameter'));
  expect(await told('ABC0')).not.toContain('ABC');
});
