import { nearest } from './suggest.js';

/** What a command line asks for. */
export type Asked =
  | { readonly kind: 'command'; readonly id: string; readonly argv: readonly string[] }
  | { readonly kind: 'help'; readonly words: readonly string[] }
  | { readonly kind: 'version' }
  | { readonly kind: 'incomplete'; readonly topic: string }
  | { readonly kind: 'unknown'; readonly typed: string; readonly hint: string | null };

const globalFlags = new Set(['--json', '--quiet', '-q', '--no-input', '--no-daemon', '--debug']);
const globalOptions = new Set(['--profile', '--gateway', '--color']);

/**
 * Finds the command: global flags may stand before it, `-h` and `--help` mean help wherever they stand before `--`,
 * the longest command name wins.
 */
export function resolveCommand(argv: readonly string[], ids: readonly string[], topics: readonly string[]): Asked {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const behind = end === -1 ? [] : argv.slice(end);
  const leading = leadingFlags(own);
  const words = own.slice(leading);
  const first = words[0];
  if (own.includes('-h') || own.includes('--help') || first === 'help')
    return { kind: 'help', words: words.filter((word) => !word.startsWith('-') && word !== 'help') };
  if (first === '--version') return { kind: 'version' };
  if (first === undefined) return { kind: 'help', words: [] };

  const names = words.slice(0, words.findIndex((word) => word.startsWith('-')) >>> 0);
  for (let length = Math.min(3, names.length); length > 0; length--) {
    const id = names.slice(0, length).join(':');
    if (ids.includes(id))
      return { kind: 'command', id, argv: [...words.slice(length), ...own.slice(0, leading), ...behind] };
  }
  if (names.length === 1 && topics.includes(first)) return { kind: 'incomplete', topic: first };
  const typed = names.length === 0 ? first : names.slice(0, topics.includes(first) ? 2 : 1).join(' ');
  const spoken = [...ids, ...topics].map((id) => id.replaceAll(':', ' '));
  return { kind: 'unknown', typed, hint: inNearestTopic(names, ids, topics) ?? nearest(typed, spoken) };
}

/** `session list` is meant as `sessions list`: of a topic that was mistyped, the word behind it says which command. */
function inNearestTopic(
  [first = '', second]: readonly string[],
  ids: readonly string[],
  topics: readonly string[],
): string | null {
  if (second === undefined || topics.includes(first)) return null;
  const topic = nearest(first, topics);
  if (topic === null) return null;
  const under = ids.filter((id) => id.startsWith(`${topic}:`)).map((id) => id.slice(topic.length + 1));
  const command = nearest(second, under);
  return command === null ? null : `${topic} ${command}`.replaceAll(':', ' ');
}

function leadingFlags(words: readonly string[]): number {
  let index = 0;
  for (;;) {
    const word = words[index] ?? '';
    if (globalFlags.has(word) || [...globalOptions].some((name) => word.startsWith(`${name}=`))) index += 1;
    else if (globalOptions.has(word)) index += 2;
    else return Math.min(index, words.length);
  }
}
