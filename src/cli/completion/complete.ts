/** What completion knows of the commands; written by the build, from the same words as help. */
export interface CompletionSpec {
  /** Flags of every command. */
  readonly global: Readonly<Record<string, SpecFlag>>;
  readonly commands: Readonly<Record<string, SpecCommand>>;
  readonly topics: Readonly<Record<string, string>>;
}
interface SpecCommand {
  readonly summary: string;
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, SpecFlag>>;
}
interface SpecFlag {
  readonly summary: string;
  readonly char: string | null;
  /** It stands alone, or a value follows: one of these, or any. */
  readonly value: 'none' | 'any' | readonly string[];
  readonly multiple: boolean;
}

export interface Candidate {
  readonly value: string;
  readonly about: string;
}

/** Names that only a gateway, or this machine, can know. */
export interface KnownNames {
  readonly targets: readonly Candidate[];
  readonly labels: readonly Candidate[];
  readonly requests: readonly (Candidate & { readonly open: boolean })[];
  readonly sessions: readonly (Candidate & { readonly open: boolean })[];
  readonly profiles: readonly Candidate[];
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Nothing of ours fits here, but a file's name may: the shell knows those. */
  readonly files: boolean;
}

const nothing: Completion = { candidates: [], files: false };
const someFile: Completion = { candidates: [], files: true };

/** What may stand where the last of these words is: those behind `sluice`, up to the cursor. */
export function complete(words: readonly string[], spec: CompletionSpec, known: () => KnownNames): Completion {
  const current = words.at(-1) ?? '';
  const { id, command, behind } = commandOf(words.slice(0, -1), spec);
  const names = Object.keys(spec.commands);
  const before = words.at(-2) ?? '';
  if (id === '' && takesNext(before, spec.global)) {
    const flag = flagNamed(before, spec.global) ?? '';
    return flagValues({ name: flag, flag: spec.global[flag], id }, current, known);
  }
  if (command === null || (behind.length === 0 && names.some((name) => name.startsWith(`${id}:`)))) {
    const flags = current.startsWith('-') ? flagNames(spec.global, current, []) : [];
    const subcommands = id === null ? [] : nextWords(id, spec).filter(({ value }) => value.startsWith(current));
    return { candidates: [...subcommands, ...flags], files: false };
  }
  const flags = { ...command.flags, ...spec.global };
  return valuesOf({ id: id ?? '', command: { ...command, flags }, behind, current }, known);
}

interface Found {
  readonly id: string | null;
  readonly command: SpecCommand | null;
  /** The words behind its name. */
  readonly behind: readonly string[];
}

/** The longest command that the words name. Global flags may stand before it. `id` is null when they name nothing. */
function commandOf(words: readonly string[], spec: CompletionSpec): Found {
  const flags = spec.global;
  let at = 0;
  for (let word = words[at]; word?.startsWith('-') === true; word = words[at]) at += takesNext(word, flags) ? 2 : 1;
  let id = '';
  for (let word = words[at]; word !== undefined; word = words[at]) {
    const longer = id === '' ? word : `${id}:${word}`;
    const isName = Object.keys(spec.commands).some((name) => name === longer || name.startsWith(`${longer}:`));
    if (!isName) break;
    id = longer;
    at += 1;
  }
  const command = Object.hasOwn(spec.commands, id) ? (spec.commands[id] ?? null) : null;
  return { id: command === null && words[at] !== undefined ? null : id, command, behind: words.slice(at) };
}

function nextWords(id: string, spec: CompletionSpec): readonly Candidate[] {
  const found = new Map<string, string>();
  for (const [name, { summary }] of Object.entries(spec.commands)) {
    if (id !== '' && !name.startsWith(`${id}:`)) continue;
    const [word = '', ...more] = name.slice(id === '' ? 0 : id.length + 1).split(':');
    const topic = id === '' ? word : `${id}:${word}`;
    const about = more.length === 0 ? summary : (spec.topics[topic] ?? '');
    if (found.get(word) === undefined || more.length === 0) found.set(word, about);
  }
  if (id === '') found.set('help', 'Help for a command, or about exit-codes, environment, json, agents.');
  return [...found].map(([value, about]) => ({ value, about }));
}

interface Place {
  readonly id: string;
  readonly command: SpecCommand;
  readonly behind: readonly string[];
  readonly current: string;
}

function valuesOf({ id, command, behind, current }: Place, known: () => KnownNames): Completion {
  const { flags } = command;
  if (behind.includes('--')) return id === 'connect' ? someFile : nothing;
  const before = behind.at(-1);
  const asking = before === undefined ? null : flagNamed(before, flags);
  if (asking !== null && takesNext(before ?? '', flags))
    return flagValues({ name: asking, flag: flags[asking], id }, current, known);
  const joined = /^(--[^=]+)=(.*)$/s.exec(current);
  if (joined !== null) {
    const [, flag = '', value = ''] = joined;
    const name = flagNamed(flag, flags);
    if (name === null) return nothing;
    const found = flagValues({ name, flag: flags[name], id }, value, known);
    return { ...found, candidates: found.candidates.map((item) => ({ ...item, value: `${flag}=${item.value}` })) };
  }
  if (current.startsWith('-')) return { candidates: flagNames(flags, current, behind), files: false };
  const place = behind.filter((word, at) => !word.startsWith('-') && !takesNext(behind[at - 1] ?? '', flags)).length;
  return argValues(command.args[place] ?? '', id, current, known);
}

function flagNamed(word: string, flags: Readonly<Record<string, SpecFlag>>): string | null {
  if (word.startsWith('--')) return Object.hasOwn(flags, word.slice(2)) ? word.slice(2) : null;
  return Object.entries(flags).find(([, { char }]) => char !== null && word === `-${char}`)?.[0] ?? null;
}

/** The word is a flag, and the word behind it is its value. */
function takesNext(word: string, flags: Readonly<Record<string, SpecFlag>>): boolean {
  const name = flagNamed(word, flags);
  return name !== null && flags[name]?.value !== 'none';
}

function flagNames(flags: Readonly<Record<string, SpecFlag>>, current: string, behind: readonly string[]): Candidate[] {
  const given = new Set(behind.map((word) => flagNamed(word.replace(/=.*/s, ''), flags)));
  return Object.entries(flags)
    .filter(([name, { multiple }]) => multiple || !given.has(name))
    .map(([name, { summary }]) => ({ value: `--${name}`, about: summary }))
    .filter(({ value }) => value.startsWith(current));
}

interface AskingFlag {
  readonly name: string;
  readonly flag: SpecFlag | undefined;
  /** The command's. */
  readonly id: string;
}

function flagValues({ name, flag, id }: AskingFlag, current: string, known: () => KnownNames): Completion {
  if (flag !== undefined && typeof flag.value !== 'string')
    return matching(
      flag.value.map((value) => ({ value, about: '' })),
      current,
    );
  switch (name) {
    case 'target':
      return matching(known().targets, current);
    case 'label':
      return matching(known().labels, current);
    case 'kind':
      return id === 'targets'
        ? matching(
            ['postgres', 'ssh'].map((value) => ({ value, about: '' })),
            current,
          )
        : nothing;
    case 'request':
      return matching(known().requests, current);
    case 'session':
      return matching(known().sessions, current);
    case 'profile':
      return matching(known().profiles, current);
    default:
      return /^(file|dir|output|config|report|identity|key|anchor|bundle)$|-(file|dir)$/.test(name)
        ? someFile
        : nothing;
  }
}

function argValues(name: string, id: string, current: string, known: () => KnownNames): Completion {
  switch (name) {
    case 'target':
      return matching(known().targets, current);
    case 'request': {
      const decided = id === 'requests:show';
      return matching(
        known().requests.filter(({ open }) => open || decided),
        current,
      );
    }
    case 'session': {
      const live = id === 'sessions:kill' || id === 'sessions:watch';
      const found = matching(
        known().sessions.filter(({ open }) => open || !live),
        current,
      );
      return id === 'play' && found.candidates.length === 0 ? someFile : found;
    }
    case 'what': {
      const found = matching(known().sessions, current);
      return found.candidates.length === 0 ? someFile : found;
    }
    case 'name':
      return id === 'access:request' ? matching(known().targets, current) : nothing;
    case 'dir':
      return someFile;
    case 'shell':
      return matching(
        ['bash', 'zsh', 'fish', 'powershell'].map((value) => ({ value, about: '' })),
        current,
      );
    default:
      return nothing;
  }
}

function matching(candidates: readonly Candidate[], current: string): Completion {
  const fitting = candidates.filter(({ value }) => value.startsWith(current));
  return { candidates: fitting.map(({ value, about }) => ({ value, about })), files: false };
}
