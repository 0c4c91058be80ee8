import { expect, it } from 'vitest';
import type { Context } from '../../../src/analysis/postgres/context.js';
import { isRunByTriggers } from '../../../src/analysis/postgres/trigger-code.js';

const bodies: Readonly<Record<string, string>> = {
  run_by_trigger: 'begin new.note := S.HELPER(new.id) || "Quoted"(); return new; end',
  helper: 'begin return LOOKUP(1); end',
  Quoted: 'begin return deeper(); end',
  elsewhere: 'begin return alone(); end',
};
const catalog = {
  eventTriggers: [],
  triggers: [{ functionSchema: 's', functionName: 'run_by_trigger' }],
  functions: (_schema: string, name: string) => ({
    user: bodies[name] === undefined ? [] : [known.get(name)],
  }),
};
const known = new Map(Object.entries(bodies).map(([name, body]) => [name, { name, body }]));
const context = { catalog } as unknown as Context;

it.each(['run_by_trigger', 'helper', 'Quoted', 'lookup', 'deeper'])('knows that triggers run %s', (name) => {
  expect(isRunByTriggers(context, name)).toBe(true);
});

it.each(['elsewhere', 'alone'])('knows that none runs %s', (name) => {
  expect(isRunByTriggers(context, name)).toBe(false);
});
