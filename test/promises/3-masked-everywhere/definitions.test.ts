import { afterAll, beforeAll, describe } from 'vitest';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { definitionForms } from './definition-forms.js';
import { unaskedForms } from './unasked-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a definition that looks at protected values', () => {
  testLeaks(definitionForms, () => lab);
});

describe('a function that is called unasked', () => {
  testLeaks(unaskedForms, () => lab);
});
