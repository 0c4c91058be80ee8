// Who may import whom. The table is the architecture: change it in the same commit as the reason for it.
// scripts/boundaries.js runs it twice: rules named *-type-imports over the sources, all others over the sources
// stripped of types, since without TypeScript's own API the cruiser cannot tell `import type` from `import`.

/** Rooms whose subject is a part of one decision: they share types where the data flows, values only as listed. */
const domain = ['analysis', 'approvals', 'masking', 'policy', 'recording', 'sessions', 'signals', 'vault'];

/** room → rooms it may import values and types from (its own is always allowed). */
const imports = {
  lib: [],
  analysis: ['lib'],
  approvals: ['lib'],
  masking: ['lib'],
  // Testing a policy says which columns stay masked under it.
  policy: ['lib', 'analysis', 'masking'],
  recording: ['lib'],
  signals: ['lib'],
  vault: ['lib'],
  identity: ['lib'],
  sessions: ['lib', 'analysis', 'approvals', 'masking', 'policy', 'recording'],
  // What gateway and relay run: programs that are targets.
  programs: ['lib'],
  protocols: ['lib', 'sessions', 'analysis', 'masking', 'programs'],
  store: ['lib', 'approvals', 'policy', 'vault', 'recording', 'signals'],
  mcp: ['lib'],
  // What both ends of a relay's connection speak, and the relay itself.
  relay: ['lib', 'client', 'programs'],
  gateway: ['lib', 'relay', 'protocols', 'store', 'identity', 'mcp', ...domain],
  client: ['lib', 'gateway/schemas'],
  agent: ['lib', 'client', 'gateway/schemas'],
  cli: ['lib', 'client', 'agent', 'mcp', 'relay', 'recording', 'gateway/schemas'],
  quickstart: ['lib', 'gateway', 'identity', 'client', 'vault', 'store', 'policy', 'recording', 'cli/exit-codes'],
};

/** room → rooms it may import types from, on top. */
const typeImports = Object.fromEntries(domain.map((room) => [room, domain]));
typeImports.store = domain;
typeImports.protocols = domain;
typeImports.mcp = ['client'];
typeImports.policy = [...domain, 'identity'];

/** A third-party package has one home, so that replacing it is one room's work. */
const homes = {
  '@aws-sdk/client-s3': ['recording'],
  '@cedar-policy/cedar-wasm': ['policy'],
  '@inquirer/prompts': ['cli'],
  '@modelcontextprotocol/server': ['mcp'],
  '@napi-rs/keyring': ['client'],
  '@oclif/core': ['cli', 'commands'],
  'cbor-x': ['recording'],
  'cli-table3': ['cli'],
  fastify: ['gateway'],
  jose: ['identity', 'client'],
  'libpg-query-\\d+': ['analysis'],
  libsql: ['store', 'recording'],
  nodemailer: ['signals'],
  'oidc-provider': ['identity'],
  'openid-client': ['client'],
  ora: ['cli'],
  pg: ['gateway', 'quickstart'],
  'pg-protocol': ['protocols', 'gateway'],
  pino: ['gateway'],
  'prom-client': ['gateway'],
  ssh2: ['protocols'],
  '@xterm/headless': ['lib'],
  '@lydell/node-pty': ['programs'],
  uqr: ['cli'],
};

const folder = (room) => (room.includes('/') ? `^src/${room}([./]|$)` : `^src/${room}/`);
const serverCommands = '^commands/(quickstart\\.[jt]s|gateway/|policy/(check|test)\\.[jt]s)';

const roomRules = Object.entries(imports).flatMap(([room, allowed]) => {
  const values = [room, ...allowed].map(folder);
  const types = [...values, ...(typeImports[room] ?? []).map(folder)];
  return [
    {
      name: `${room}-imports`,
      severity: 'error',
      comment: `src/${room} may import values from: ${[room, ...allowed].join(', ')}`,
      from: { path: folder(room) },
      to: { path: '^(src|commands|bin|scripts|test|bench)/', pathNot: values },
    },
    {
      name: `${room}-type-imports`,
      severity: 'error',
      from: { path: folder(room) },
      to: { path: '^(src|commands|bin|scripts|test|bench)/', pathNot: types },
    },
  ];
});

const homeRules = Object.entries(homes).map(([name, rooms]) => ({
  name: `home-of-${name}`,
  severity: 'error',
  comment: `only ${rooms.join(', ')} may import ${name}`,
  from: {
    path: '^(src|commands)/',
    pathNot: rooms.map((room) => (room === 'commands' ? '^commands/' : folder(room))),
  },
  to: { path: `(^|/)node_modules/${name}/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...roomRules,
    ...homeRules,
    {
      name: 'protocols-stay-apart',
      severity: 'error',
      comment: 'an engine knows no other engine; kubernetes and mcp build on http',
      from: { path: '^src/protocols/([^/]+)/', pathNot: '^src/protocols/(kubernetes|mcp)/' },
      to: { path: '^src/protocols/', pathNot: '^src/protocols/$1/' },
    },
    {
      name: 'commands-imports',
      severity: 'error',
      comment: 'a command parses, calls one function of src/cli and prints',
      from: { path: '^commands/', pathNot: serverCommands },
      to: { path: '^(src|commands)/', pathNot: ['^src/(cli|client|agent|lib)/', '^src/recording/', '^commands/'] },
    },
    {
      name: 'server-commands-imports',
      severity: 'error',
      from: { path: serverCommands },
      to: { path: '^src/', pathNot: '^src/(cli|client|lib|quickstart|gateway|recording|policy)/' },
    },
    {
      name: 'server-half-is-loaded-lazily',
      severity: 'error',
      comment: 'sluice --help must not load the gateway',
      from: { path: serverCommands },
      to: {
        path: '^src/(quickstart|gateway|policy)/',
        pathNot: folder('gateway/schemas'),
        dependencyTypesNot: ['dynamic-import'],
      },
    },
    {
      name: 'client-half-stays-light',
      severity: 'error',
      comment: 'the client installs without native addons and starts without the server',
      from: { path: '^(src/(client|agent|cli)/|commands/)', pathNot: serverCommands },
      to: {
        path: '(^|/)node_modules/(libsql|@aws-sdk|better-sqlite3|fastify|nodemailer|oidc-provider|@cedar-policy/cedar-wasm|libpg-query-\\d+)/',
        reachable: true,
      },
    },
    {
      name: 'only-the-gate-mints-permits',
      severity: 'error',
      comment: 'a permit proves that the gate recorded, judged and allowed; everybody else imports its type',
      from: { path: '^(src|commands)/', pathNot: '^src/sessions/gate\\.[jt]s$' },
      to: { path: '^src/sessions/permit\\.[jt]s$' },
    },
    {
      name: 'terminals-are-loaded-when-used',
      severity: 'error',
      comment: 'optional, with native parts: a relay that runs no program on a terminal does without',
      from: { path: '^src/' },
      to: { path: '(^|/)node_modules/@lydell/node-pty/', dependencyTypesNot: ['dynamic-import'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^(src|commands)/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-dependencies-only',
      severity: 'error',
      comment: 'what is shipped may import only what package.json promises to install',
      from: { path: '^(src|commands)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
