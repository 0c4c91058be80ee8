import { afterAll, beforeAll, describe } from 'vitest';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { functionForms } from './function-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a protected value in a function of the server, or a newer form of query', () => {
  testLeaks(functionForms, () => lab);
});
