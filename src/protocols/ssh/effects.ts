import { plainFacts, type ActionName, type Effect, type EffectFacts } from '../../analysis/effects.js';
import { SluiceError } from '../../lib/errors.js';
import type { JudgedOperation } from '../../sessions/permit.js';
import type { Recovered } from './lines/recover.js';
import type { TargetConfig } from '../../sessions/types.js';
import { commandOperation } from './command/effects.js';
import { analyseShell, pathEffect } from '../../analysis/shell/analyse.js';

/** An effect on the target as a whole. */
export function targetEffect(target: string, action: ActionName, facts: Partial<EffectFacts> = {}): Effect {
  return { action, resource: { type: 'Target', path: [target] }, facts: { ...plainFacts, ...facts } };
}

/** A request to run a program, a terminal or a service of the target's SSH server. */
export function programOperation(
  config: Pick<TargetConfig, 'name' | 'command'>,
  request: { readonly kind: 'exec' | 'shell' | 'subsystem'; readonly text: string; readonly terminal: boolean },
): JudgedOperation {
  const { kind, text, terminal } = request;
  const { name: target, command } = config;
  if (command !== undefined) return commandOperation(target, command, request);
  const operation = { protocol: 'ssh', kind, text, parameters: [] } as const;
  switch (kind) {
    case 'exec': {
      const programs = analyseShell(text, { target, terminal });
      const effects = [...programs, ...transferEffects(target, programs)];
      return { operation, effects, fault: commandFault(text, effects) };
    }
    case 'shell':
      return { operation, effects: [targetEffect(target, 'shell', { terminal })], fault: null };
    case 'subsystem': {
      const fault = new SluiceError(
        'denied',
        `the subsystem ${JSON.stringify(text)} cannot be judged, so it is not served`,
        {
          decider: 'gateway',
        },
      );
      const effects = [targetEffect(target, 'subsystem', { object: text })];
      return { operation, effects, fault: text === 'sftp' ? null : fault };
    }
  }
}

/** Bytes that are no UTF-8 have become U+FFFD by now: what would run is not what was asked for. */
function commandFault(text: string, effects: readonly Effect[]): SluiceError | null {
  if (effects.length === 0) return new SluiceError('usage', 'there is no command');
  if (!text.includes('\ufffd')) return null;
  return new SluiceError('denied', 'a command that is not UTF-8 cannot be judged', { decider: 'gateway' });
}

/** A line typed at a terminal, as the screen shows it: what the shell makes of it is not known for certain. */
export function lineOperation(
  target: string,
  line: Exclude<Recovered, { readonly kind: 'none' }>,
  isFollowed: boolean,
): JudgedOperation {
  const operation = { protocol: 'ssh', kind: 'line', text: lineText(line), parameters: [] } as const;
  const unseen = (typed: string): readonly Effect[] => [
    targetEffect(target, 'exec', { opaque: true, terminal: true, typed }),
  ];
  switch (line.kind) {
    case 'hidden':
      return { operation, effects: unseen('hidden'), fault: null };
    case 'fullscreen':
      return { operation, effects: unseen('fullscreen'), fault: null };
    case 'keys': {
      const programs = analyseShell(line.text, { target, terminal: true });
      const seen = programs.map((effect) => ({ ...effect, facts: { ...effect.facts, typed: 'line', opaque: true } }));
      return { operation, effects: [...seen, ...unseen('line')], fault: null };
    }
    case 'line': {
      const isClear = line.isCertain && isFollowed && !usesHistory(line.text);
      const programs = analyseShell(line.text, { target, terminal: true });
      const effects = programs.map((effect) => ({
        ...effect,
        facts: { ...effect.facts, typed: 'line', opaque: effect.facts.opaque || !isClear },
      }));
      return { operation, effects, fault: null };
    }
  }
}

/** What stands in the record for a line. */
export function lineText(line: Exclude<Recovered, { readonly kind: 'none' }>): string {
  switch (line.kind) {
    case 'hidden':
      return '(nothing shown)';
    case 'fullscreen':
      return '(full-screen program)';
    case 'keys':
      return `${line.text} (a key that runs more)`.trimStart();
    case 'line':
      return line.text;
  }
}

/** A history expansion: interactive shells replace it by a line of before. */
function usesHistory(text: string): boolean {
  return /![^\s=(]/.test(text) || text.startsWith('^');
}

/** The other ends of scp, rsync and git: what they say to their clients is no text. */
function transferOf({ facts }: Effect): 'upload' | 'download' | null {
  const { program, arguments: words } = facts;
  const has = (word: RegExp): boolean => words.some((argument) => word.test(argument));
  if (program === 'scp') return has(/^-[a-z]*t/) ? 'upload' : has(/^-[a-z]*f/) ? 'download' : null;
  if (program === 'rsync' && words.includes('--server')) return words.includes('--sender') ? 'download' : 'upload';
  if (program === 'git-receive-pack') return 'upload';
  return program === 'git-upload-pack' || program === 'git-upload-archive' ? 'download' : null;
}

/** The files that such a program moves: below the path that its last argument names, as far as the text tells. */
function transferEffects(target: string, programs: readonly Effect[]): readonly Effect[] {
  return programs.flatMap((effect) => {
    const action = transferOf(effect);
    if (action === null) return [];
    const path = effect.facts.command.split(' ').at(-1) ?? '';
    return [pathEffect(target, action, { path, opaque: effect.facts.opaque })];
  });
}

/** The operation is one such program and nothing else, so its output goes through as it is. */
export function movesFiles(effects: readonly Effect[]): boolean {
  const programs = effects.filter(({ action }) => action === 'exec');
  return programs.length === 1 && programs.every((effect) => transferOf(effect) !== null);
}

/** Something the client asks for that this gateway never does: recorded, and refused whatever policy says. */
export function unservedOperation(
  target: string,
  action: 'forwardAgent' | 'forwardX11' | 'forwardListen',
  what: string,
): JudgedOperation {
  return {
    operation: { protocol: 'ssh', kind: 'forward', text: what, parameters: [] },
    effects: [targetEffect(target, action)],
    fault: new SluiceError('denied', `${what} is not served by this gateway`, { decider: 'gateway' }),
  };
}

export function forwardOperation(
  target: string,
  action: 'forward' | 'forwardListen',
  destination: string,
): JudgedOperation {
  return {
    operation: { protocol: 'ssh', kind: 'forward', text: `${action} ${destination}`, parameters: [] },
    effects: [targetEffect(target, action, { destination })],
    fault: null,
  };
}
