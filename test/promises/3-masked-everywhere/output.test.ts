import { afterAll, beforeAll, describe } from 'vitest';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks, testMasksForInferring } from '../support/leaks.js';
import { outputForms } from './output-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a protected value in a result, in any form', () => {
  testLeaks(outputForms, () => lab);
});

describe('the same for somebody who may infer', () => {
  testMasksForInferring(outputForms, () => lab);
});
