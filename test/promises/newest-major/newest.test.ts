import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { play } from '../support/attack.js';
import { testEffects } from '../support/effects.js';
import type { Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { newestMajor, openNewestLab } from './lab-18.js';
import { newestEffects, newestHarmless, newestInference, newestOutputs } from './newest-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openNewestLab();
});
afterAll(() => lab.close());

it('is the newest major', async () => {
  const rows = await lab.direct("select current_setting('server_version_num')::int / 10000 as major");
  expect(rows).toEqual([{ major: newestMajor }]);
});

describe('what newer majors brought: values in results', () => {
  testLeaks(newestOutputs, () => lab);
});

describe('what newer majors brought: values that are asked for', () => {
  testLeaks(newestInference, () => lab);
});

describe('what newer majors brought: effects', () => {
  testEffects(newestEffects, () => lab);
});

describe('what newer majors brought, and shows nothing protected', () => {
  it.each(Object.entries(newestHarmless))('%s', async (_name, script) => {
    await lab.enter(0);
    const direct = await play(lab.directUri, script, 'simple', ['begin']);
    const through = await play(lab.insiderUri, script, 'simple', ['begin']);
    expect(through.text).toBe(direct.text);
  });
});
