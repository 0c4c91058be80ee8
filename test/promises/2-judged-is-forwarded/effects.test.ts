import { afterAll, beforeAll, describe } from 'vitest';
import { testEffects } from '../support/effects.js';
import { openLab, type Lab } from '../support/lab.js';
import { effectForms } from './effect-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('an effect without approval', () => {
  testEffects(effectForms, () => lab);
});
