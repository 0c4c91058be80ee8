/** Actions, the closed and documented set that policies speak of, by group. */
export const actionGroups = {
  read: ['select', 'copyOut', 'explain', 'show', 'listen', 'fetch', 'lockRow'],
  write: ['insert', 'update', 'delete', 'merge', 'truncate', 'copyIn', 'notify', 'lockTable'],
  define: ['create', 'alter', 'drop', 'comment', 'refresh', 'maintain'],
  control: [
    'grant',
    'revoke',
    'setRole',
    'setParameter',
    'copyProgram',
    'copyFile',
    'loadLibrary',
    'replicate',
    'alterSystem',
    'functionCall',
  ],
  call: ['callFunction', 'callProcedure', 'doBlock'],
  /** Programs on a machine: a command, a terminal, a named service of the SSH server. */
  program: ['exec', 'shell', 'subsystem'],
  files: ['listFiles', 'download', 'upload', 'removeFile', 'renameFile', 'linkFile', 'changeFile'],
  forwarding: ['forward', 'forwardListen', 'forwardAgent', 'forwardX11'],
  session: ['connect', 'transaction', 'prepare', 'setSafeParameter'],
  reveal: ['reveal'],
  /** To work on a target whose recording is `off`; judged once, when a session begins. */
  unrecorded: ['unrecorded'],
  infer: ['infer'],
  unknown: ['unknown'],
  gateway: ['review', 'apply', 'manageSecrets', 'readSession', 'endSession', 'holdSession', 'readPolicy'],
} as const;

/** A group of actions; policies name one with `action in Action::"write"`. */
export type ActionGroup = keyof typeof actionGroups;
/** A single action. A group whose only member has the group's own name is that action. */
export type ActionName = (typeof actionGroups)[ActionGroup][number];

/** A node in the resource tree. `path` runs from the target down: [target, database, schema, table, column]; [target, 'etc', 'hosts']. */
export interface ResourceRef {
  readonly type: 'Gateway' | 'Target' | 'Database' | 'Schema' | 'Table' | 'Column' | 'Function' | 'Object' | 'Path';
  readonly path: readonly string[];
}

/** What policies can ask of one effect. Every fact is always present: absent is not empty. */
export interface EffectFacts {
  /** UPDATE or DELETE: has a WHERE clause that is not constant. True for everything else. */
  readonly filtered: boolean;
  /** The data class of the column in `reveal` and `infer`; '' elsewhere. */
  readonly class: string;
  /** Function effects: 'immutable' | 'stable' | 'volatile' | 'unknown'; '' elsewhere. */
  readonly volatility: string;
  /** Function effects: 'builtin' (pg_catalog) | 'user' | 'unknown'; '' elsewhere. */
  readonly source: string;
  /** The kind of object or statement meant, lower case: 'table', 'view', 'index', 'role', 'search_path'…; may be ''. */
  readonly object: string;
  /** The object is temporary (pg_temp). */
  readonly temporary: boolean;
  /** exec: the program's name without its folder; '' elsewhere. */
  readonly program: string;
  /** exec: program and arguments with one space between, for `like`; '' elsewhere. */
  readonly command: string;
  /** exec: the arguments, as a set. */
  readonly arguments: readonly string[];
  /** exec: what looks like a path among the arguments and redirections, as a set. */
  readonly paths: readonly string[];
  /** exec: what would run cannot be read from the text (substitution, eval, an interpreter's script, a program from anywhere). */
  readonly opaque: boolean;
  /** exec, shell: a terminal is attached, so a person can type into it. */
  readonly terminal: boolean;
  /** exec: 'line' typed at a terminal, 'hidden' where nothing typed was shown, 'fullscreen' in such a program; '' elsewhere. */
  readonly typed: string;
  /** files: the absolute path on the target, links resolved; '' elsewhere. */
  readonly path: string;
  /** download: the file's bytes; upload: the bytes written so far, rounded up; 0 elsewhere. */
  readonly size: number;
  /** forwarding: "host:port"; '' elsewhere. */
  readonly destination: string;
}

/** One thing an operation would do, which policy judges. */
export interface Effect {
  readonly action: ActionName;
  readonly resource: ResourceRef;
  readonly facts: EffectFacts;
}

/** Facts of an effect about which nothing special is known. */
export const plainFacts: EffectFacts = {
  filtered: true,
  class: '',
  volatility: '',
  source: '',
  object: '',
  temporary: false,
  program: '',
  command: '',
  arguments: [],
  paths: [],
  opaque: false,
  terminal: false,
  typed: '',
  path: '',
  size: 0,
  destination: '',
};

/** One operation as an engine saw it: the text or argv judged is the text or argv forwarded. */
export interface Operation {
  readonly protocol: 'postgres' | 'ssh';
  /** How it arrived: a simple query, an extended-protocol parse, an execute with parameters, a function call… */
  readonly kind:
    | 'query'
    | 'parse'
    | 'execute'
    | 'fetch'
    | 'copy'
    | 'functionCall'
    | 'connect'
    | 'exec'
    | 'shell'
    | 'line'
    | 'subsystem'
    | 'file'
    | 'forward'
    | 'environment';
  readonly text: string;
  /** Parameters as text where they came as text, `\x…` hex where binary; null is SQL NULL. Empty for none. */
  readonly parameters: readonly (string | null)[];
}

/** `action on type path`, for people and logs: "drop on table demo-db/shop/public/orders", "exec on target web-1 (rm -rf /)". */
export function describeEffect(effect: Effect): string {
  const { command, destination } = effect.facts;
  const detail = command !== '' ? ` (${command})` : destination !== '' ? ` (${destination})` : '';
  return `${effect.action} on ${effect.resource.type.toLowerCase()} ${effect.resource.path.join('/')}${detail}`;
}
