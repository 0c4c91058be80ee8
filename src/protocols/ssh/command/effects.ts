import { plainFacts, type Effect, type EffectFacts } from '../../../analysis/effects.js';
import { pathsIn } from '../../../analysis/shell/analyse.js';
import { isSluiceError, SluiceError } from '../../../lib/errors.js';
import type { CommandSettings } from '../../../policy/command-target.js';
import type { JudgedOperation } from '../../../sessions/permit.js';
import { argumentsIn } from './arguments.js';

/** A program run by the gateway itself: its arguments are judged, and there is nothing else to it. */
export function commandOperation(
  target: string,
  command: Pick<CommandSettings, 'argv'>,
  request: { readonly kind: 'exec' | 'shell' | 'subsystem'; readonly text: string; readonly terminal: boolean },
): JudgedOperation {
  const { kind, terminal } = request;
  // A login shell is what is asked for with no command: here it is the program without further arguments.
  const text = kind === 'shell' ? '' : request.text;
  const operation = { protocol: 'ssh', kind, text, parameters: [] } as const;
  const effect = (facts: Partial<EffectFacts>): Effect => ({
    action: kind === 'subsystem' ? 'subsystem' : 'exec',
    resource: { type: 'Target', path: [target] },
    facts: { ...plainFacts, ...facts, terminal },
  });
  if (kind === 'subsystem') {
    const fault = new SluiceError('denied', 'there are no subsystems here: this target is a program', {
      decider: 'gateway',
    });
    return { operation, effects: [effect({ object: text })], fault };
  }
  const [path = ''] = command.argv;
  const program = path.slice(path.lastIndexOf('/') + 1);
  try {
    const words = argumentsIn(text);
    const facts = {
      program,
      command: [program, ...words].join(' '),
      arguments: [...new Set(words)],
      paths: [...new Set(words.flatMap((word) => pathsIn(word)))],
    };
    return { operation, effects: [effect(facts)], fault: null };
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    return { operation, effects: [effect({ program, opaque: true })], fault: error };
  }
}
