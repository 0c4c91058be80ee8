import { actionGroups } from '../analysis/effects.js';

/** Every resource carries the same two attributes, so a policy may ask for them without an `is` test. */
const node = '{ name: String, schema: String }';

const entities = `
// Who acts.
entity Group;
entity User in [Group] = { kind: String, issuer: String, name: String, mfa: Bool };

// What is acted on: a policy on a parent covers its children. \`name\` is the last part of the path, \`schema\` the
// schema it lies in ("" outside of one).
entity Label;
entity Class;
entity Gateway = ${node};
entity Target in [Label] = ${node};
entity Database in [Target] = ${node};
entity Schema in [Database, Target] = ${node};
entity Table in [Schema, Database, Target] = ${node};
entity Column in [Table, Schema, Database, Target, Class] = ${node};
entity Function in [Schema, Database, Target] = ${node};
entity Object in [Schema, Database, Target] = ${node};
// A file or folder: Path::"web-1/etc" covers everything below /etc of web-1.
entity Path in [Path, Target] = ${node};

// The facts of a decision. All of them are always present: absent is not empty.
type Facts = {
  approvals: Set<String>, // groups of which enough people have approved
  filtered: Bool,         // UPDATE, DELETE: has a WHERE clause that is not constant; true for everything else
  class: String,          // reveal, infer: the column's data class; "" elsewhere
  volatility: String,     // functions: immutable, stable, volatile, unknown; "" elsewhere
  source: String,         // functions: builtin, user, unknown; "" elsewhere
  object: String,         // kind of object or statement, lower case: table, view, index, role…; may be ""
  temporary: Bool,        // the object is temporary
  program: String,        // exec: the program's name without its folder; "" elsewhere
  command: String,        // exec: program and arguments, one space between; "" elsewhere
  arguments: Set<String>, // exec: the arguments
  paths: Set<String>,     // exec: what looks like a path in arguments and redirections
  opaque: Bool,           // exec: what would run cannot be read from the text; false elsewhere
  terminal: Bool,         // exec, shell: a terminal is attached
  typed: String,          // exec: line, hidden, fullscreen: typed at a terminal; "" elsewhere
  path: String,           // files: the absolute path, links resolved; "" elsewhere
  size: Long,             // download: bytes of the file; upload: bytes so far, rounded up; 0 elsewhere
  destination: String,    // forwarding: "host:port"; "" elsewhere
  session: { rowsRead: Long, bytesRead: Long, statements: Long, seconds: Long },
  identity: { rowsRead: Long, bytesRead: Long, statements: Long, seconds: Long }, // all its sessions in the last hour
  signals: Set<String>,   // kinds of signals raised of this identity: "repeated-refusal"…
  reason: String,         // what the user gave with --reason; "" for none
  hasReason: Bool,
  onBehalfOf: String,     // the person for whom a machine acts, by name; "" for none
  hour: Long,             // 0–23, in the time zone of settings.yaml (UTC)
  weekday: Long           // 1 Monday – 7 Sunday, likewise
};
`;

const onTarget = 'Target, Database, Schema, Table, Column, Function, Object, Path';

/** The Cedar schema that every policy is validated against: entity types, the closed set of actions, the facts. */
export function cedarSchema(): string {
  const lines = [entities.trimStart(), '// Actions, by group: `action in Action::"write"` means all of them.'];
  for (const [group, names] of Object.entries(actionGroups)) {
    const alone = names.length === 1 && names[0] === group;
    const resource = group === 'gateway' ? 'Gateway' : onTarget;
    const applies = `appliesTo { principal: [User], resource: [${resource}], context: Facts };`;
    if (!alone) lines.push(`action "${group}";`);
    for (const name of names) lines.push(`action "${name}"${alone ? '' : ` in ["${group}"]`} ${applies}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The group of every action, and every action of a group; both include an action that is its own group. */
export const actionGroupOf: ReadonlyMap<string, string> = new Map(
  Object.entries(actionGroups).flatMap(([group, names]) => names.map((name): [string, string] => [name, group])),
);
