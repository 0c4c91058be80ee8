import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aliases, commandIds } from '../../../src/cli/command-files.js';
import { quoteForShell } from '../../../src/lib/shell-quote.js';
import { compileSchema, violations } from '../../support/json-schema.js';
import { agent, type Attempt, type CommandCases, type Form, forms, type Place } from './case.js';
import { acting, alone, reading } from './cases/all.js';
import { asked } from './cases/asked.js';
import { type Known, normaliseDocument, normaliseText } from './normalise.js';
import { type Ended, type Input, runOnTerminal, runPiped, silent } from './run.js';
import { runWithPerson } from './terminal.js';
import { startWorld, type World } from './world.js';

const folder = fileURLToPath(new URL('files/', import.meta.url));
const askedFolder = fileURLToPath(new URL('screens/', import.meta.url));
const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Writes what is said now as what is expected: to be read before it is committed. */
const updating = process.env['UPDATE_GOLDEN'] === '1';
const patienceMs = 300_000;

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 120_000);
afterAll(() => world.stop(), 60_000);

const screenFileOf = (name: string): string => join(askedFolder, `${name.replaceAll(/[^a-z]+/g, '-')}.txt`);
const fileOf = (command: string): string => join(folder, `${command.replaceAll(' ', '-')}.txt`);

async function environmentOf({ as = 'engineer', env }: Attempt, home: string): Promise<Record<string, string>> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TERM: 'xterm-256color',
    SLUICE_CREDENTIAL_STORE: 'file',
    SLUICE_CONFIG_DIR: join(home, 'config'),
    SLUICE_STATE_DIR: join(home, 'state'),
    ...(as === null ? {} : { SLUICE_GATEWAY: world.gateway.url, SLUICE_TOKEN: await world.token(as) }),
    ...env,
  };
}

/** What `sluice schema` publishes, as a validator: read once for each name, from the program itself. */
const published = new Map<string, Promise<ValidateFunction>>();
function schemaNamed(name: string, home: string): Promise<ValidateFunction> {
  const known = published.get(name);
  if (known !== undefined) return known;
  const read = async (): Promise<ValidateFunction> => {
    const env = await environmentOf({ as: null }, home);
    const { code, stdout } = await runPiped({ args: ['schema', name], home, env, input: null });
    if (code !== 0) throw new Error(`sluice schema ${name} ended with ${code}`);
    return compileSchema(JSON.parse(stdout) as object);
  };
  const reading = read();
  published.set(name, reading);
  return reading;
}

const placeOf = (home: string, env: Readonly<Record<string, string>>, form: Place['form']): Place => ({
  ...{ world, home, form },
  async sluice(...args) {
    const { code, stdout, stderr } = await runPiped({ args, home, env, input: null });
    if (code !== 0) throw new Error(`sluice ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  },
});

/** Runs a command in one form; its section of the golden file. */
async function sectionOf(cases: CommandCases, form: Form): Promise<string> {
  const failing = form === 'error' || form === 'error-json';
  const asJson = form === 'json' || form === 'error-json';
  const { as } = cases;
  const attempt: Attempt = failing ? { ...(as === undefined ? {} : { as }), ...cases.error } : cases;
  const home = await mkdtemp(join(tmpdir(), 'sluice-home-'));
  const env = await environmentOf(attempt, home);
  const place = placeOf(home, env, form);
  try {
    const given = typeof attempt.args === 'function' ? await attempt.args(place) : (attempt.args ?? []);
    const args = [...cases.command.split(' '), ...(asJson ? ['--json'] : []), ...given];
    const ended = await run(failing ? {} : cases, {
      args,
      env,
      place,
      input: attempt.input ?? (form === 'pipe' ? silent : null),
    });
    expect(ended.code, `${cases.command}, ${form}\n${ended.stdout}\n${ended.stderr}`).toBe(attempt.code ?? 0);
    if (form === 'error') expect(ended.stdout, 'nothing on stdout of what fails').toBe('');
    const documents = asJson ? await documentsOf(ended.stdout, home) : [];
    if (asJson && cases.stream !== true) expect(documents, 'one document').toHaveLength(1);
    const known = knownIn(home);
    const stdout = asJson
      ? documents.map((document) => `${normaliseDocument(document, known)}\n`).join('')
      : normaliseText(ended.stdout, known);
    const stderr = ended.stderr === '' ? '' : `── stderr\n${normaliseText(ended.stderr, known)}`;
    const line = normaliseText(['sluice', ...args].map(quoteForShell).join(' '), known);
    return `━━ ${form}: ${line}   (exit ${ended.code})\n${stdout}${stderr}`;
  } finally {
    await cases.after?.(place);
    await rm(home, { recursive: true, force: true });
  }
}

interface Order {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly place: Place;
  readonly input: Input;
}

/** Runs it to its end, with what has to happen meanwhile. */
async function run(
  { until, meanwhile }: Pick<CommandCases, 'until' | 'meanwhile'>,
  { args, env, place, input }: Order,
): Promise<Ended> {
  const happening: Promise<void>[] = [];
  const onOutput = (output: string): void => {
    if (happening.length === 0 && meanwhile?.begun.test(output) === true) happening.push(meanwhile.do(place));
  };
  const order = { args, home: place.home, env, onOutput, ...(until === undefined ? {} : { until }) };
  const ended = await (place.form === 'tty' || place.form === agent
    ? runOnTerminal(order)
    : runPiped({ ...order, input }));
  await Promise.all(happening);
  return ended;
}

const knownIn = (home: string): Known => [
  [world.gateway.url, 'http://GATEWAY'],
  [world.gateway.url.replace('http://', ''), 'GATEWAY'],
  [home, '/HOME'],
  [world.dir, '/SHARED'],
  [new URL(world.gateway.url).port, 'PORT'],
  [root, '/PROGRAM/'],
];

/** The documents on stdout, a line each, held against the schemas that the program publishes for them. */
async function documentsOf(stdout: string, home: string): Promise<readonly object[]> {
  const lines = stdout.split('\n');
  expect(lines.pop(), 'stdout ends with a line').toBe('');
  const documents = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  for (const document of documents) {
    const name = String(document['schema']);
    const broken = violations(await schemaNamed(name, home), document);
    expect(broken, `${JSON.stringify(document)} against sluice schema ${name}`).toBe('');
  }
  return documents;
}

/** On a terminal that an AI agent has, where a question would wait for ever: it ends, or began what goes on by design. */
async function endsForAgent(cases: CommandCases): Promise<void> {
  const attempt: Attempt = cases.asks ?? cases;
  const home = await mkdtemp(join(tmpdir(), 'sluice-home-'));
  const env = { ...(await environmentOf(attempt, home)), CLAUDECODE: '1' };
  const place = placeOf(home, env, agent);
  try {
    const given = typeof attempt.args === 'function' ? await attempt.args(place) : (attempt.args ?? []);
    const order = { args: [...cases.command.split(' '), ...given], env, place, input: null };
    const ended = await run(cases.asks === undefined ? cases : {}, order);
    expect(ended.code, `${cases.command}, for an agent\n${ended.stdout}`).toBe(attempt.code ?? 0);
  } finally {
    await cases.after?.(place);
    await rm(home, { recursive: true, force: true });
  }
}

async function compare(cases: CommandCases): Promise<void> {
  const sections: string[] = [];
  for (const form of forms) if (cases.without?.[form] === undefined) sections.push(await sectionOf(cases, form));
  await endsForAgent(cases);
  const text = sections.join('\n');
  expectGolden(fileOf(cases.command), text);
}

function expectGolden(file: string, text: string): void {
  if (updating) writeFileSync(file, text);
  expect(text).toBe(existsSync(file) ? readFileSync(file, 'utf8') : `nothing: UPDATE_GOLDEN=1 writes ${file}`);
}

describe('every command', () => {
  const all = [...reading, ...acting, ...alone];

  it('has cases for a terminal, a pipe, --json and an error', () => {
    const commands = commandIds(root)
      .filter((id) => !(id in aliases))
      .map((id) => id.replaceAll(':', ' '));
    const covered = all.map(({ command }) => command);
    expect(covered.toSorted()).toEqual(commands.toSorted());
  });

  // What lists things comes first, while nothing else happens.
  describe('that reads', () => {
    it.concurrent.each(reading)('says what it always said: $command', compare, patienceMs);
  });
  describe('that acts', () => {
    it.concurrent.each(acting)('says what it always said: $command', compare, patienceMs);
  });
  describe('that reads standard input', () => {
    const stdin: readonly (readonly [command: string, ...args: readonly string[]])[] = [
      ['exec', 'demo-db', '--file', '-'],
      ['requests', 'create', 'demo-db', '--file', '-'],
      ['policy', 'explain', 'demo-db', '--file', '-'],
      ['secrets', 'set', 'golden'],
      ['login', '--token-stdin'],
      ['login', '--client-id', 'robot', '--client-secret-file', '-'],
    ];
    it('says that it waits for a silent pipe, and gives up', async () => {
      const home = await mkdtemp(join(tmpdir(), 'sluice-home-'));
      const env = { ...(await environmentOf({ as: 'reviewer' }, home)), SLUICE_STDIN_TIMEOUT: '2s' };
      const ended = await Promise.all(stdin.map((args) => runPiped({ args, home, env, input: silent })));
      await rm(home, { recursive: true, force: true });
      for (const [index, { code, stdout, stderr }] of ended.entries()) {
        expect([code, stdout], `${stdin[index]?.join(' ')}: ${stderr}`).toEqual([14, '']);
        expect(stderr).toMatch(/^Waiting for what is piped in…\n✗ Nothing came on standard input for 2 seconds/);
        expect(stderr).toContain('Next: ');
      }
    }, 120_000);
  });
  describe('that lists what it has changed', () => {
    it.each(alone)('says what it always said: $command', compare, patienceMs);
  });
  // What it changes would be listed above.
  describe('that asks a person at a terminal', () => {
    it.each(asked)(
      'shows what it always showed: $name',
      async ({ name, as, args, steps, code, hidden }) => {
        const home = await mkdtemp(join(tmpdir(), 'sluice-home-'));
        const env = await environmentOf({ as }, home);
        const words = typeof args === 'function' ? await args(world) : args;
        const seen = await runWithPerson(words, { cwd: home, env, steps: steps(world) });
        await rm(home, { recursive: true, force: true });
        expect(seen.code, seen.output).toBe(code);
        if (hidden !== undefined) expect(seen.output).not.toContain(hidden);
        const known = knownIn(home);
        const line = normaliseText(['sluice', ...words].map(quoteForShell).join(' '), known);
        const screens = seen.screens.map((screen) => `${normaliseText(screen, known)}\n`);
        const text = `━━ ${line}   (exit ${seen.code})\n${screens.join('── then\n')}`;
        expectGolden(screenFileOf(name), text);
      },
      patienceMs,
    );
  });

  it('has its golden file, and no golden file is left of another', () => {
    const expected = all.map(({ command }) => fileOf(command).slice(folder.length));
    expect(readdirSync(folder).toSorted()).toEqual(expected.toSorted());
    const screens = asked.map(({ name }) => screenFileOf(name).slice(askedFolder.length));
    expect(readdirSync(askedFolder).toSorted()).toEqual(screens.toSorted());
  });
});
