import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { play, type Lane } from '../support/attack.js';
import { openLab, type Lab } from '../support/lab.js';
import { harmlessForms } from './harmless-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('what shows nothing protected is neither refused nor masked', () => {
  it.each(harmlessForms)('$name', async ({ script }) => {
    const lanes: readonly Lane[] =
      typeof script === 'string' && !script.includes(';') ? ['simple', 'extended'] : ['simple'];
    for (const lane of lanes) {
      await lab.enter(0);
      const direct = await play(lab.directUri, script, lane);
      await lab.enter(0);
      const through = await play(lab.insiderUri, script, lane);
      expect.soft(through.text, lane).toBe(direct.text);
    }
  });
});
