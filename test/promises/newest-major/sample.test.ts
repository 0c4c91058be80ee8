import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { effectForms } from '../2-judged-is-forwarded/effect-forms.js';
import { definitionForms } from '../3-masked-everywhere/definition-forms.js';
import { functionForms } from '../3-masked-everywhere/function-forms.js';
import { harmlessForms } from '../3-masked-everywhere/harmless-forms.js';
import { inferenceForms } from '../3-masked-everywhere/inference-forms.js';
import { launderingForms } from '../3-masked-everywhere/laundering-forms.js';
import { outputForms } from '../3-masked-everywhere/output-forms.js';
import { play } from '../support/attack.js';
import { testEffects } from '../support/effects.js';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { newestMajor } from './lab-18.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ major: newestMajor });
});
afterAll(() => lab.close());

/** One of so many, at the same distance from each other; all of them run there by `SLUICE_TEST_POSTGRES_MAJOR`. */
const sample = <T>(forms: readonly T[], every: number): readonly T[] => forms.filter((_, index) => index % every === 0);

describe('attacks of the other suites on the newest major', () => {
  const leaks = [outputForms, inferenceForms, launderingForms, definitionForms, functionForms];
  testLeaks(
    leaks.flatMap((forms) => sample(forms, 32)),
    () => lab,
  );
  testEffects(sample(effectForms, 24), () => lab);

  it.each(sample(harmlessForms, 8))('$name', async ({ script }) => {
    await lab.enter(0);
    const direct = await play(lab.directUri, script, 'simple', ['begin']);
    const through = await play(lab.insiderUri, script, 'simple', ['begin']);
    expect(through.text).toBe(direct.text);
  });
});
