import { expect, it } from 'vitest';
import { explainFailure } from '../../../src/gateway/exec/failure.js';
import { ExecObserver } from '../../../src/gateway/exec/observer.js';
import { SluiceError } from '../../../src/lib/errors.js';
import { sendAgain } from '../../../src/sessions/words.js';
import type { TargetConfig } from '../../../src/sessions/types.js';

it('says to send a statement again as the command that does', () => {
  const heard = new ExecObserver();
  const next = [{ command: sendAgain, when: 'to have it judged anew; a driver begins at Bind' }];
  heard.refused(new SluiceError('denied', 'what its names mean has changed since it was sent.', { next }));
  const target = { name: 'db-prod' } as TargetConfig;
  const failed = { target, text: 'select 1', wait: true, cut: null, heard };
  expect(explainFailure(failed, new Error('08006')).details.next).toEqual([
    { command: 'sluice exec db-prod …', when: 'to run it again' },
  ]);
});
