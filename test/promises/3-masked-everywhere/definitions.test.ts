import { afterAll, beforeAll, describe } from 'vitest';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { definitionForms } from './definition-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a definition that looks at protected values', () => {
  testLeaks(definitionForms, () => lab);
});
