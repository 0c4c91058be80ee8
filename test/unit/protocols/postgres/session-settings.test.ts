import { expect, it } from 'vitest';
import type { StatementAnalysis } from '../../../../src/analysis/postgres-types.js';
import { SessionSettings } from '../../../../src/protocols/postgres/session-settings.js';

const setting = (object: string): StatementAnalysis =>
  ({
    text: `set ${object} = 1`,
    effects: [{ action: 'setParameter', resource: { type: 'Object', path: [object] }, facts: { object } }],
    changes: [],
    outputs: null,
  }) as unknown as StatementAnalysis;

it('asks for what was set, and tells what is other than at the start', async () => {
  const settings = new SessionSettings(new Map([['TimeZone', 'UTC']]), new Map([['DateStyle', 'ISO']]));
  expect(settings.isTouched).toBe(false);
  settings.noteSent(setting('app.tenant'));
  let asked = '';
  await settings.look((sql) => {
    asked = sql;
    return Promise.resolve('[["app.tenant","7"]]');
  });
  expect(asked).toContain(`pg_catalog.unnest(array['app.tenant'])`);
  expect(settings.lines).toEqual(['timezone = UTC', 'app.tenant = 7']);
});

it('ends a session that sets more than could be told, instead of telling less', () => {
  const settings = new SessionSettings(new Map(), new Map());
  for (let count = 0; count < 1000; count++) settings.noteSent(setting(`app.n${count}`));
  expect(() => settings.noteSent(setting('timezone'))).toThrow('more than 1000 settings were set');
});
