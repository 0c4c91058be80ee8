import { afterAll, beforeAll, describe } from 'vitest';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks, testMasksForInferring } from '../support/leaks.js';
import { nameForms } from './name-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a name or place that means another column to the server than it seems to', () => {
  testLeaks(nameForms, () => lab);
});

describe('the same for somebody who may infer', () => {
  testMasksForInferring(nameForms, () => lab);
});
