import { afterAll, beforeAll, describe } from 'vitest';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { storedForms } from './stored-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
}, 60_000);
afterAll(() => lab.close());

describe('a definition that was harmless when it was made', { timeout: 60_000 }, () => {
  testLeaks(storedForms, () => lab);
});
