import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { play } from '../support/attack.js';
import { canaryForms, findCanary, worlds } from '../support/canaries.js';
import { openLab, type Lab } from '../support/lab.js';
import { testMasksForInferring } from '../support/leaks.js';
import { inferringForms } from './inferring-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a value that somebody who may infer writes elsewhere and reads there', () => {
  testMasksForInferring(inferringForms, () => lab);

  it.each(inferringForms)('is seen past the gateway: $name', async ({ script }) => {
    await lab.enter(0);
    const { bytes, text } = await play(lab.directUri, script);
    await lab.enter(0);
    expect(findCanary(bytes, canaryForms(worlds[0])), text).not.toBeNull();
  });
});
