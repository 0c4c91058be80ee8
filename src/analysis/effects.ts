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

/** A node in the resource tree. `path` runs from the target down: [target, database, schema, table, column]. */
export interface ResourceRef {
  readonly type: 'Gateway' | 'Target' | 'Database' | 'Schema' | 'Table' | 'Column' | 'Function' | 'Object';
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
};

/** One operation as an engine saw it: the text or argv judged is the text or argv forwarded. */
export interface Operation {
  readonly protocol: 'postgres';
  /** How it arrived: a simple query, an extended-protocol parse, an execute with parameters, a function call… */
  readonly kind: 'query' | 'parse' | 'execute' | 'fetch' | 'copy' | 'functionCall' | 'connect';
  readonly text: string;
  /** Parameters as text where they came as text, `\x…` hex where binary; null is SQL NULL. Empty for none. */
  readonly parameters: readonly (string | null)[];
}

/** `action on type path`, for people and logs: "drop on Table demo-db/shop/public/orders". */
export function describeEffect(effect: Effect): string {
  return `${effect.action} on ${effect.resource.type.toLowerCase()} ${effect.resource.path.join('/')}`;
}
