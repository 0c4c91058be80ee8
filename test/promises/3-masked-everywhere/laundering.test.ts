import { afterAll, beforeAll, describe } from 'vitest';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks, testMasksForInferring } from '../support/leaks.js';
import { launderingForms } from './laundering-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a protected value that takes a way around', () => {
  testLeaks(launderingForms, () => lab);
});

describe('the same for somebody who may infer', () => {
  testMasksForInferring(launderingForms, () => lab);
});
