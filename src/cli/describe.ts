import type { TargetDetail } from '../client/api-types.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

/** What a group of actions is to a person. */
const groupWords: Readonly<Record<string, string>> = {
  read: 'read data',
  write: 'change data',
  define: 'change what tables and other objects are',
  control: 'change rights and settings, and reach the server’s files',
  call: 'call functions and procedures',
  session: 'connect',
  reveal: 'see every protected value in clear',
  infer: 'filter, join or sort by protected columns',
  unrecorded: 'work without a record',
  program: 'run programs',
  files: 'read and change files',
  forwarding: 'forward connections',
};

type Permission = TargetDetail['permissions'][number];
type Verdict = Permission['verdict'];

/** A target in plain words: what one may do there, what people must approve and who, what one may not, what is masked. */
export function describeText(target: TargetDetail, out: Output): string {
  const labels = Object.entries(target.labels).map(([name, value]) => `${name}=${value}`);
  const database = target.database === null ? '' : `, database ${target.database}`;
  const lines = [
    `${out.paint('bold', plain(target.name))}   ${plain(`${target.kind}${database}`)}   ${plain(labels.join(' '))}`.trimEnd(),
    target.recording === 'off'
      ? 'Sessions here are not recorded.'
      : `Everything here is recorded (${target.recording}).`,
  ];
  const sections = [
    ['allow', 'You may', 'green', '✓'],
    ['hold', 'After approval you may', 'yellow', '⏸'],
    ['deny', 'You may not', 'red', '✗'],
  ] as const;
  for (const [verdict, title, color, mark] of sections) {
    const said = sayGroups(target.permissions, verdict);
    if (said.length === 0) continue;
    lines.push('', title);
    for (const line of said) lines.push(`  ${out.paint(color, mark)} ${plain(line)}`);
  }
  lines.push('', ...maskedLines(target));
  lines.push('', `What one statement would do: sluice policy explain ${plain(target.name)} "…"`);
  if (target.kind === 'postgres') lines.push(`Its tables and columns: sluice describe ${plain(target.name)} --tables`);
  return lines.join('\n');
}

function sayGroups(permissions: readonly Permission[], verdict: Verdict): readonly string[] {
  const groups = [...new Set(permissions.map(({ group }) => group))];
  return groups.flatMap((group) => {
    const all = permissions.filter((permission) => permission.group === group);
    const these = all.filter((permission) => permission.verdict === verdict);
    if (these.length === 0) return [];
    const words = groupWords[group] ?? group;
    // A whole group is said in words; of a part, the actions are named, since policies name them so.
    const what = these.length === all.length ? words : `${words}: ${these.map(({ action }) => action).join(', ')}`;
    return [`${what}${askedOf(these)}${decidedBy(these, verdict)}`];
  });
}

/** "   (1 of @dba)" */
function askedOf(permissions: readonly Permission[]): string {
  const asked = new Set(
    permissions.flatMap(({ approvals }) => approvals.map(({ group, count }) => `${count} of @${group}`)),
  );
  return asked.size === 0 ? '' : `   (${[...asked].join(' and ')})`;
}

function decidedBy(permissions: readonly Permission[], verdict: Verdict): string {
  const policies = new Set(permissions.flatMap((permission) => permission.policies));
  if (policies.size > 0) return verdict === 'allow' ? '' : `   [${[...policies].join(', ')}]`;
  return verdict === 'deny' ? '   [no policy permits it]' : '';
}

/** Which classes come masked, and where they are. */
function maskedLines({ protected_columns }: TargetDetail): readonly string[] {
  if (protected_columns.length === 0) return ['No column is protected here.'];
  const classes = [...new Set(protected_columns.map((column) => column.class))];
  return [
    'Protected columns',
    ...classes.map((name) => {
      const columns = protected_columns.filter((column) => column.class === name);
      const clear = columns.every(({ reveal }) => reveal === 'allow');
      const held = columns.some(({ reveal }) => reveal === 'hold');
      const shown = clear ? 'in clear' : `masked (${[...new Set(columns.map(({ mask }) => mask))].join(', ')})`;
      const where = columns.map(({ column }) => column).join(', ');
      return `  ${plain(`${name}: ${shown}${held ? ', in clear after approval' : ''}   ${where}`)}`;
    }),
  ];
}
