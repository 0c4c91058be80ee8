import { describe, expect, it } from 'vitest';
import { type Bundle, loadBundle } from '../../../src/policy/bundle.js';
import { bundleLimits } from '../../../src/policy/bundle-files.js';
import { bundleFiles, targetsYaml } from './fixtures.js';

const open = 'permit (principal, action, resource);\n';

function load(cedar: string, more: Readonly<Record<string, string>> = {}): Bundle {
  const result = loadBundle(bundleFiles(cedar, more));
  if (!result.ok) throw new Error(problemsOf(cedar, more).join('\n'));
  return result.bundle;
}

/** Every problem as `severity file:line:column message | hint`. */
function problemsOf(cedar: string, more: Readonly<Record<string, string>> = {}): readonly string[] {
  return loadBundle(bundleFiles(cedar, more)).problems.map(
    ({ severity, file, line, column, message, hint }) =>
      `${severity} ${file}:${line}:${column} ${message}${hint === null ? '' : ` | ${hint}`}`,
  );
}

const target = (lines: string): string => targetsYaml.replace(/ {4}secret[^]*/, lines);

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';
const sshTarget = (more: string): string =>
  `targets:\n  - { name: web-1, kind: ssh, address: web.internal, username: sluice, secret: "vault:web-1"${more === '' ? '' : `, ${more}`} }\n`;

describe('a bundle', () => {
  it('is read whole', () => {
    const bundle = load(open, {
      'classification.yaml':
        'classes: { email: { mask: email } }\ncolumns:\n  - { target: "demo-*", column: "public.users.email", class: email }\n  - { column: "*.*.mail", class: email }\ndetectors: { card: mask, token: off }\n',
      'bindings.yaml': 'groups: { dba: { claims: { groups: [db-admins] }, users: [ann@corp.example] } }\n',
    });
    expect(bundle.targets).toEqual([
      {
        name: 'demo-db',
        relay: null,
        kind: 'postgres',
        labels: { env: 'demo', team: 'shop' },
        host: '127.0.0.1',
        port: 5432,
        database: 'shop',
        tls: { mode: 'disable', ca: null },
        username: 'sluice_gateway',
        secret: { provider: 'vault', name: 'demo-db' },
        recording: 'strict',
      },
    ]);
    expect(bundle.classification).toEqual({
      classes: { email: { mask: 'email' } },
      columns: [
        { target: 'demo-*', column: 'public.users.email', class: 'email' },
        { target: '*', column: '*.*.mail', class: 'email' },
      ],
      detectors: { card: 'mask', token: 'off' },
    });
    expect(bundle.bindings.groups['dba']).toEqual({
      issuer: null,
      claims: { groups: ['db-admins'] },
      users: ['ann@corp.example'],
      machines: [],
    });
    expect(bundle.policies.map(({ id, effect }) => [id, effect])).toEqual([['test#1', 'permit']]);
  });

  it('has a version that changes with every file and with nothing else', () => {
    const { version, digest } = load(open);
    expect(version).toMatch(/^[0-9a-f]{16}$/);
    expect(digest.startsWith(version)).toBe(true);
    const reversed = loadBundle(new Map([...bundleFiles(open)].reverse()));
    expect(reversed.ok && reversed.bundle.version).toBe(version);
    expect(load(open, { 'README.md': 'hello' }).version).toBe(version);
    expect(load(`${open}// a comment\n`).version).not.toBe(version);
    expect(load(open, { 'bindings.yaml': 'groups: { a: { users: [x] } }' }).version).not.toBe(version);
  });

  it('verifies certificates by default and finds the CA in the bundle', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    const strict = target('    secret: env:DB_PASSWORD\n');
    expect(load(open, { 'targets.yaml': strict }).targets[0]).toMatchObject({
      tls: { mode: 'verify-full', ca: null },
      labels: {},
      secret: { provider: 'env' },
    });
    const withCa = target('    secret: file:/run/secrets/db\n    tls: { mode: verify-full, ca: "file:ca.pem" }\n');
    expect(load(open, { 'targets.yaml': withCa, 'ca.pem': pem }).targets[0]).toMatchObject({
      tls: { ca: pem },
      secret: { provider: 'file', name: '/run/secrets/db' },
    });
    expect(problemsOf(open, { 'targets.yaml': withCa })).toEqual([
      'error targets.yaml:8:35 "ca" names no certificate | write "file:NAME.pem" and put NAME.pem in the bundle',
    ]);
    expect(problemsOf(open, { 'ca.pem': '-----BEGIN EC PRIVATE KEY-----' })[0]).toContain(
      'a private key does not belong in a bundle',
    );
  });

  it.each([
    [
      'an unknown key',
      target('    secret: vault:x\n    recordin: strict\n'),
      'error targets.yaml:8:5 unknown key "recordin" | did you mean "recording"?',
    ],
    [
      'a wrong value',
      target('    secret: vault:x\n    recording: strikt\n'),
      'error targets.yaml:8:16 "recording" must be one of strict, durable, off | did you mean "strict"?',
    ],
    ['a missing key', target(''), 'error targets.yaml:2:5 "secret" is missing'],
    [
      'a wrong type',
      target('    secret: vault:x\n    labels: { tier: 1 }\n'),
      'error targets.yaml:8:21 "tier" must be text, not a number | put it in quotes: "1"',
    ],
    [
      'an odd label',
      target('    secret: vault:x\n    labels: { a=b: c }\n'),
      'error targets.yaml:8:15 a label is made of letters, digits, "_", ".", "/" and "-"',
    ],
    [
      'a kind of a later version',
      targetsYaml.replace('kind: postgres', 'kind: mysql'),
      'error targets.yaml:3:11 kind "mysql" is not served by this version | served: postgres, ssh, command',
    ],
    [
      'an unknown kind',
      targetsYaml.replace('kind: postgres', 'kind: postgers'),
      'error targets.yaml:3:11 unknown kind "postgers" | did you mean "postgres"?',
    ],
    [
      'a bad address',
      targetsYaml.replace('127.0.0.1:5432', 'http://x/'),
      'error targets.yaml:4:14 "address" must be HOST, HOST:PORT or [IPV6]:PORT | for example db.internal:5432',
    ],
    [
      'a duplicate target',
      `${targetsYaml}${targetsYaml.replace('targets:\n', '')}`,
      'error targets.yaml:10:11 duplicate target "demo-db"',
    ],
    [
      'a duplicate key',
      target('    secret: vault:x\n    secret: vault:y\n'),
      'error targets.yaml:8:5 Map keys must be unique',
    ],
    [
      'an unknown relay',
      target('    secret: vault:x\n    relay: eu-1\nrelays: { eu-2: { groups: [engineers] } }\n'),
      'error targets.yaml:8:12 unknown relay "eu-1" | did you mean "eu-2"?',
    ],
    [
      'a relay that nobody can serve',
      target('    secret: vault:x\nrelays: { eu-1: { groups: [] } }\n'),
      'error targets.yaml:8:27 "groups": Too small: expected array to have >=1 items',
    ],
    [
      'a relay of an unknown group',
      target('    secret: vault:x\nrelays: { eu-1: { groups: [nobody] } }\n'),
      'error targets.yaml:8:28 unknown group "nobody" | known: a, b, c, dba, security',
    ],
    [
      'broken YAML',
      'targets: [\n  {name: x\n',
      'error targets.yaml:3:1 Flow map in block collection must be sufficiently indented and end with a }',
    ],
    ['another document altogether', '- 1\n', 'error targets.yaml:1:1 the file must be a map, not a list'],
  ])('refuses %s in targets.yaml, at its place', (_, text, problem) => {
    expect(problemsOf(open, { 'targets.yaml': text })[0]).toBe(problem);
  });

  it('warns of a connection in clear text to another machine', () => {
    expect(problemsOf(open, { 'targets.yaml': targetsYaml.replace('127.0.0.1', 'db.internal') })).toEqual([
      'warning targets.yaml:8:10 traffic to "demo-db" is not encrypted | use verify-full, the default',
    ]);
  });

  it('refuses a secret written inline and never repeats it', () => {
    const problems = problemsOf(open, { 'targets.yaml': targetsYaml.replace('vault:demo-db', 'hunter2') });
    expect(problems).toEqual([
      'error targets.yaml:7:13 "secret" must be a reference, never the secret itself | write "vault:demo-db" and store it with: sluice secrets set demo-db',
    ]);
    for (const reference of ['file:relative', 'env:a b', 'vault:', 'VAULT:x', 'vault:../x']) {
      expect(problemsOf(open, { 'targets.yaml': targetsYaml.replace('vault:demo-db', reference) })).toHaveLength(1);
    }
  });

  it.each([
    [
      'an unknown class',
      'classes: { email: { mask: email } }\ncolumns:\n  - { column: public.u.e, class: emial }\n',
      'error classification.yaml:3:34 unknown class "emial" | did you mean "email"?',
    ],
    [
      'an unknown mask',
      'classes: { email: { mask: emial } }\n',
      'error classification.yaml:1:27 "mask" must be one of redact, last4, email, hash, null | did you mean "email"?',
    ],
    [
      'a pattern with two parts',
      'classes: { a: { mask: redact } }\ncolumns:\n  - { column: users.email, class: a }\n',
      'error classification.yaml:3:15 a column pattern is schema.table.column, each part a name or a pattern with *',
    ],
    [
      'an unknown detector',
      'detectors: { e-mail: mask }\n',
      'error classification.yaml:1:14 unknown key "e-mail" | did you mean "email"?',
    ],
    [
      'a target that is not there',
      'classes: { a: { mask: redact } }\ncolumns:\n  - { target: demo_db, column: a.b.c, class: a }\n',
      'warning classification.yaml:3:15 no target is named "demo_db" | did you mean "demo-db"?',
    ],
  ])('finds %s in classification.yaml', (_, text, problem) => {
    expect(problemsOf(open, { 'classification.yaml': text })).toEqual([problem]);
  });

  it.each([
    [
      'a misspelt key',
      'groups:\n  dba: { claim: { groups: [x] } }\n',
      'error bindings.yaml:2:10 unknown key "claim" | did you mean "claims"?',
    ],
    [
      'a single name for a list',
      'groups:\n  dba: { users: ann }\n',
      'error bindings.yaml:2:17 "users" must be a list, not text',
    ],
    [
      'a group without a name',
      'groups: { "": {} }\n',
      'error bindings.yaml:1:11 a group is named with letters, digits and _ . : @ / -',
    ],
  ])('finds %s in bindings.yaml', (_, text, problem) => {
    expect(problemsOf(open, { 'bindings.yaml': text })).toEqual([problem]);
  });

  it('has machines, known by their host keys', () => {
    const { targets } = load(open, { 'targets.yaml': sshTarget(`hostKey: "${hostKey}", environment: [LANG, "X_*"]`) });
    expect(targets[0]).toMatchObject({
      ...{ name: 'web-1', kind: 'ssh', host: 'web.internal', port: 22, database: '' },
      ssh: {
        hostKeys: ['SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA'],
        environment: ['LANG', 'X_*'],
        keepFileBytes: 0,
        certificate: null,
      },
    });
    const print = 'SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA';
    const two = load(open, { 'targets.yaml': sshTarget(`hostKey: ["${print}", "${hostKey} root@web"]`) }).targets[0];
    expect(two?.ssh?.hostKeys).toEqual([print, print]);
    const certified = load(open, { 'targets.yaml': sshTarget(`hostKey: "${print}", certificate: {}`) }).targets[0];
    expect(certified?.ssh?.certificate).toEqual({ principals: [certified?.username], validMinutes: 5 });
    const commas = sshTarget(`hostKey: "${print}", certificate: { principals: ["a,b"] }`);
    expect(problemsOf(open, { 'targets.yaml': commas }).join('\n')).toContain('a principal has no comma');
  });

  it.each([
    ['no host key', '', '"hostKey" is missing: an ssh target is known by its host key'],
    [
      'a host key that is none',
      'hostKey: "ssh-ed25519 nonsense"',
      '"hostKey" is neither a fingerprint nor a public key',
    ],
    [
      'a key of another type than it says',
      `hostKey: "${hostKey.replace('ssh-ed25519', 'ssh-rsa')}"`,
      '"hostKey" is neither a fingerprint nor a public key',
    ],
    [
      'a host certificate',
      'hostKey: "ssh-ed25519-cert-v01@openssh.com AAAA"',
      '"hostKey" is a certificate or its authority',
    ],
    [
      'an authority of host certificates',
      `hostKey: "@cert-authority * ${hostKey}"`,
      '"hostKey" is a certificate or its authority',
    ],
    ['a database', `hostKey: "${hostKey}", database: x`, '"database" has no meaning for a target of kind ssh'],
    ['TLS', `hostKey: "${hostKey}", tls: {}`, '"tls" has no meaning for a target of kind ssh'],
  ])('refuses a machine with %s', (_, more, problem) => {
    expect(problemsOf(open, { 'targets.yaml': sshTarget(more) })[0]).toContain(problem);
  });

  it('lacks nothing: a missing file is an error, not an empty one', () => {
    const files = new Map(bundleFiles(open));
    files.delete('classification.yaml');
    files.delete('policies/test.cedar');
    expect(loadBundle(files).problems.map(({ file, message }) => [file, message])).toEqual([
      ['classification.yaml', 'classification.yaml is missing'],
      ['policies/', 'no policies: nobody could do anything, not even apply another bundle'],
    ]);
    expect(loadBundle(files).problems[0]?.hint).toBe(
      'write "classes: {}" and "columns: []" where nothing is protected',
    );
  });

  it('ignores files it does not know, aloud, but not a near miss of one it does', () => {
    const more = {
      'README.md': '',
      '.gitignore': '',
      'notes.txt': '',
      'classification.yml': '',
      'extra.cedar': '',
      'policies/a.test.yaml': 'x',
    };
    expect(problemsOf(open, more)).toEqual([
      'error classification.yml:1:1 unknown file | did you mean "classification.yaml"?',
      'error extra.cedar:1:1 policies live in policies/ | move it to policies/extra.cedar',
      'warning notes.txt:1:1 ignored: not a file that a bundle has | a bundle has targets.yaml, classification.yaml, bindings.yaml and policies/*.cedar',
    ]);
  });

  it.each([
    '../policies/x.cedar',
    'policies/../x.cedar',
    '/policies/x.cedar',
    'policies//x.cedar',
    'policies/x\n.cedar',
    'C:\\x.cedar',
    '',
  ])('refuses the path %j', (path) => {
    expect(problemsOf(open, { [path]: open })[0]).toContain('not a plain relative path');
  });

  it('has limits', () => {
    expect(problemsOf(open, { 'policies/big.cedar': `//${'x'.repeat(bundleLimits.fileBytes)}` })).toEqual([
      'error policies/big.cedar:1:1 larger than 256 KiB',
    ]);
    const many = Object.fromEntries(
      Array.from({ length: bundleLimits.files }, (_, index) => [`policies/${index}.cedar`, '']),
    );
    expect(problemsOf(open, many)[0]).toContain('a bundle has at most 500 files');
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nd: [${'*c,'.repeat(9)}]\n`;
    expect(problemsOf(open, { 'bindings.yaml': bomb })[0]).toContain('Excessive alias count');
  });
});

describe('policies in a bundle', () => {
  it.each([
    [
      'an unknown action',
      'permit (\n  principal,\n  action == Action::"delet",\n  resource\n);',
      'error policies/test.cedar:3:13 unrecognized action `Action::"delet"` | did you mean `Action::"delete"`?',
    ],
    [
      'an unknown entity type',
      '// é😀\npermit (principal in Gruop::"a", action, resource);',
      'error policies/test.cedar:2:22 unrecognized entity type `Gruop` | did you mean `Group`?',
    ],
    [
      'a comment of another language',
      'permit (principal, action, resource) when { /*x*/ context.huor > 3 };',
      'error policies/test.cedar:1:45 unexpected token `/` | expected `!`, `(`, `-`, `[`, `{`, `}`, `false`, identifier, `if`, number, `?principal`, `?resource`, string literal, or `true`',
    ],
    [
      'an unknown fact',
      'permit (principal, action, resource) when { context.huor > 3 };',
      'error policies/test.cedar:1:45 attribute `huor` in context not found | did you mean `hour`?',
    ],
    [
      'a fact after wide characters',
      'permit (principal, action, resource)\nwhen { "é😀" == context.clas };',
      'error policies/test.cedar:2:17 attribute `clas` in context not found | did you mean `class`?',
    ],
    [
      'a missing semicolon',
      'permit (principal, action, resource)\nforbid (principal, action, resource);',
      'error policies/test.cedar:2:1 missing ";" before "forbid"',
    ],
    [
      'an unfinished policy',
      `${open}\npermit (principal, action, resource)`,
      'error policies/test.cedar:3:37 unexpected end of input | expected `;` or identifier',
    ],
    [
      'an unfinished string',
      'permit (principal, action, resource) when { "abc };',
      'error policies/test.cedar:1:45 invalid token | try checking that all strings are closed properly',
    ],
    [
      'a template',
      'permit (principal == ?principal, action, resource);',
      'error policies/test.cedar:1:22 expected a static policy, got a template containing the slot ?principal | try removing the template slot(s) from this policy',
    ],
    [
      'a misspelt condition',
      'permit (principal, action, resource) whn { true };',
      'error policies/test.cedar:1:38 invalid policy condition: whn | condition must be either `when` or `unless`',
    ],
    [
      'a group nobody bound',
      `${open}permit (principal in Group::"secruity", action, resource);`,
      'error policies/test.cedar:2:22 group "secruity" is not in bindings.yaml | did you mean "security"?',
    ],
    [
      'a class nobody defined',
      `${open}forbid (principal, action, resource in Class::"emial");`,
      'error policies/test.cedar:2:40 class "emial" is not in classification.yaml | did you mean "email"?',
    ],
    [
      'a label on no target',
      `${open}forbid (principal, action, resource in Label::"env=prod");`,
      'warning policies/test.cedar:2:40 label "env=prod" is on no target | known: env=demo, team=shop',
    ],
    [
      'a group of actions taken for an action',
      `${open}forbid (principal, action == Action::"write", resource);`,
      'error policies/test.cedar:2:1 this forbid can never apply | "write" is a group of actions: write action in Action::"write"',
    ],
    [
      'a permit that can never apply',
      `${open}permit (principal, action == Action::"write", resource);`,
      'warning policies/test.cedar:2:1 this permit can never apply | "write" is a group of actions: write action in Action::"write"',
    ],
    [
      'a duplicate id',
      `@id("x") ${open}@id("x") ${open}`,
      'error policies/test.cedar:2:1 duplicate policy id "x" | first used in policies/test.cedar:1',
    ],
    ['an empty id', `@id ${open}`, 'error policies/test.cedar:1:1 @id needs a value | write @id("…")'],
    [
      'an annotation for another',
      `@aproval("dba") ${open}`,
      'error policies/test.cedar:1:1 unknown annotation @aproval | did you mean @approval?',
    ],
    [
      'an approval on a permit',
      `@approval("dba") ${open}`,
      'error policies/test.cedar:1:1 @approval stands on a forbid: an approval lifts a refusal, it never grants a permission',
    ],
    [
      'a hold that nothing lifts',
      `${open}@approval("dba") forbid (principal, action, resource);`,
      'error policies/test.cedar:2:1 no approval ever lifts this forbid: its conditions do not ask for context.approvals | end it with: unless { context.approvals.contains("dba") };',
    ],
    [
      'a hold lifted by others',
      `${open}@approval("dba") forbid (principal, action, resource) unless { context.approvals.contains("security") };`,
      'error policies/test.cedar:2:1 approval by "dba" changes nothing: the conditions do not ask for it | ask context.approvals.contains("dba")',
    ],
    [
      'a hold for nobody',
      `${open}@approval("dbas") forbid (principal, action, resource) unless { context.approvals.contains("dbas") };`,
      'error policies/test.cedar:2:1 group "dbas" is not in bindings.yaml | did you mean "dba"?',
    ],
    [
      'a quorum of none',
      `${open}@approval("dba") @quorum("0") forbid (principal, action, resource) unless { context.approvals.contains("dba") };`,
      'error policies/test.cedar:2:18 @quorum is how many people must approve, from 1 to 20 | write @quorum("2")',
    ],
    [
      'a quorum of none beside the group',
      `${open}@approval("dba:0") forbid (principal, action, resource) unless { context.approvals.contains("dba") };`,
      'error policies/test.cedar:2:1 @approval asks for 1 to 20 people of a group | write "GROUP:2"',
    ],
    [
      'a quorum given twice',
      `${open}@approval("dba:2") @quorum("2") forbid (principal, action, resource) unless { context.approvals.contains("dba") };`,
      'error policies/test.cedar:2:20 @quorum repeats what @approval says already | leave it out',
    ],
    [
      'a demand for something unknown',
      `${open}@approval("dba") @requires("ticket") forbid (principal, action, resource) unless { context.approvals.contains("dba") };`,
      'error policies/test.cedar:2:18 @requires knows no "ticket" | known: reason, approver-comment',
    ],
    [
      'a demand that is misspelt',
      `${open}@approval("dba") @requires("reason, aprover-comment") forbid (principal, action, resource) unless { context.approvals.contains("dba") };`,
      'error policies/test.cedar:2:18 @requires knows no "aprover-comment" | did you mean "approver-comment"?',
    ],
    [
      'an endless reuse',
      `${open}@approval("dba") @reuse("25h") forbid (principal, action, resource) unless { context.approvals.contains("dba") };`,
      'error policies/test.cedar:2:18 @reuse is a time of at most 24 hours | write @reuse("30m")',
    ],
    [
      'terms of an approval that nobody gives',
      `${open}@reuse("30m") forbid (principal, action, resource);`,
      'error policies/test.cedar:2:1 @reuse means nothing without @approval | add @approval("GROUP")',
    ],
    [
      'a quorum alone',
      `${open}@quorum("2") forbid (principal, action, resource);`,
      'error policies/test.cedar:2:1 @quorum means nothing without @approval | add @approval("GROUP")',
    ],
    [
      'escape sequences in a message',
      `${open}@message("\\u{1b}[2J") forbid (principal, action, resource);`,
      'error policies/test.cedar:2:1 @message must be one line of at most 500 visible characters',
    ],
    [
      'that nobody may apply',
      'permit (principal, action in Action::"read", resource);',
      'warning policies/:1:1 no policy permits `apply`: with this bundle nobody can apply another',
    ],
  ])('tell of %s, at its place', (_, cedar, problem) => {
    expect(problemsOf(cedar)).toContain(problem);
  });

  it('may carry annotations of their own', () => {
    expect(problemsOf(`@owner("team-db") @advice("x") @jira("OPS-1") ${open}`)).toEqual([]);
  });

  it('are named by file and place when they have no id', () => {
    const bundle = load(open, { 'policies/team/db.cedar': `// one; "two;"\n${open}@id("named") ${open}` });
    expect(bundle.policies.map(({ id }) => id)).toEqual(['team/db#1', 'named', 'test#1']);
  });

  it('share their ids across files', () => {
    expect(problemsOf(`@id("x") ${open}`, { 'policies/b.cedar': `\n@id("x") ${open}` })).toEqual([
      'error policies/test.cedar:1:1 duplicate policy id "x" | first used in policies/b.cedar:2',
    ]);
  });
});

describe('a command target', () => {
  const commandTarget = (command: string, more = ''): string =>
    `targets:\n  - { name: tool, kind: command${more}${command === '' ? '' : `, command: ${command}`} }\n`;

  it('is read with an account of its own, and without address or secret', () => {
    const { targets } = load(open, { 'targets.yaml': commandTarget('{ argv: [/bin/x, -a] }') });
    expect(targets[0]).toMatchObject({
      ...{ kind: 'command', host: '', port: 0, username: '', secret: null },
      command: {
        argv: ['/bin/x', '-a'],
        runAs: { uid: 65_534, gid: 65_534 },
        ...{ directory: '/', variables: {}, secretIn: null },
      },
    });
    const keyed = load(open, {
      'targets.yaml': commandTarget('{ argv: [/bin/x], secretVariable: TOKEN }', ', secret: "vault:tool"'),
    }).targets[0];
    expect(keyed?.command?.secretIn).toEqual({ variable: 'TOKEN' });
  });

  it.each([
    ['no command', '', '', '"command" is missing'],
    ['a program without its path', '{ argv: [x] }', '', 'absolute path'],
    ['the account of root', '{ argv: [/bin/x], runAs: { uid: 0, gid: 0 } }', '', 'root runs nothing'],
    ['a secret that goes nowhere', '{ argv: [/bin/x] }', ', secret: "vault:tool"', 'how the program gets the secret'],
    ['a variable for no secret', '{ argv: [/bin/x], secretVariable: A }', '', 'how the program gets the secret'],
    ['an address', '{ argv: [/bin/x] }', ', address: "db:1"', '"address" has no meaning'],
    ['a relay that is not named', '{ argv: [/bin/x] }', ', relay: eu-1', 'unknown relay "eu-1"'],
    ['files that are kept', '{ argv: [/bin/x] }', ', keepFileBytes: 1', '"keepFileBytes" has no meaning'],
    ['a host key', '{ argv: [/bin/x] }', `, hostKey: "${hostKey}"`, '"hostKey" has no meaning'],
  ])('is refused with %s', (_, command, more, problem) => {
    expect(problemsOf(open, { 'targets.yaml': commandTarget(command, more) }).join('\n')).toContain(problem);
  });

  it('shares its account with those alone that have the same secret, on the same machine', () => {
    const text = (...targets: readonly string[]): string =>
      `relays: { office: { groups: [g] } }\ntargets:\n${targets.map((target) => `  - { kind: command, ${target} }\n`).join('')}`;
    const found = (...targets: readonly string[]): string =>
      problemsOf(open, { 'targets.yaml': text(...targets) })
        .filter((problem) => problem.includes('one account'))
        .join('\n');
    const bare = 'name: bare, command: { argv: [/bin/x] }';
    const keyed = (name: string, secret: string, more = ''): string =>
      `name: ${name}, secret: "vault:${secret}", command: { argv: [/bin/x], secretVariable: T${more} }`;
    expect(found(bare, keyed('keyed', 'a'))).toContain('"keyed" and "bare" run under one account (uid 65534)');
    expect(found(keyed('one', 'a'), keyed('two', 'b'))).toContain('give each an account of its own');
    expect(found(keyed('one', 'a'), keyed('two', 'a'))).toBe('');
    expect(found(bare, 'name: bare-2, command: { argv: [/bin/y] }')).toBe('');
    expect(found(bare, keyed('keyed', 'a', ', runAs: { uid: 64001, gid: 64001 }'))).toBe('');
    expect(found(bare, `relay: office, ${keyed('keyed', 'a')}`)).toBe('');
  });

  it('is the only kind that has a command', () => {
    const text = sshTarget(`hostKey: "${hostKey}", command: { argv: [/bin/x] }`);
    expect(problemsOf(open, { 'targets.yaml': text }).join('\n')).toContain('kind command only');
  });
});
