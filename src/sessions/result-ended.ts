import { SluiceError } from '../lib/errors.js';
import type { Decision } from '../policy/types.js';

/** What a client is told when policy ends a result that was permitted and is being read. */
export function resultEnded({ message, policies }: Exclude<Decision, { verdict: 'allow' }>): SluiceError {
  return new SluiceError('denied', `${message} The result ends here.`, {
    decider: 'gateway',
    policy: policies[0] ?? null,
    next: [{ command: 'sluice policy explain …', when: 'to see what policy asks for; or read less at a time' }],
  });
}

/** What the caller of `exec` is told when a person has ended its session. */
export function endedByPerson(session: string, detail: string): SluiceError {
  return new SluiceError('denied', `The session was ${detail}.`, {
    decider: 'gateway',
    next: [{ command: `sluice sessions show ${session}`, when: 'to see what it did until then' }],
  });
}
