import { afterAll, beforeAll, describe } from 'vitest';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { failureForms } from './failure-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a protected value that decides whether something fails', () => {
  testLeaks(failureForms, () => lab);
});
