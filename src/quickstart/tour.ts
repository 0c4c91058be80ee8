import { copyFile, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SluiceError } from '../lib/errors.js';
import { expectExit, expectHidden, expectThat, expectWords, fieldOf } from './tour-checks.js';
import { TourShell, type CommandLine, type Outcome } from './tour-shell.js';

/** What the tour looks at, beside the command line: the truth in the database, and the files. */
export interface TourGround {
  readonly gateway: string;
  readonly recordings: string;
  /** Asks PostgreSQL itself, past the gateway. */
  readonly ask: (sql: string) => Promise<readonly Readonly<Record<string, string>>[]>;
}

export interface TourOptions {
  readonly ground: TourGround;
  readonly cli: CommandLine;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

const sample = 'select id, name, email, card_number, notes from customers order by id limit 3';

/** Walks the main path with the real command line and checks every result; throws at the first that is wrong. */
export async function walkTour(options: TourOptions): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'sluice-tour-'));
  const shell = new TourShell({ ...options, env: isolated(options.env, home) });
  try {
    await logIn(shell, options.ground);
    await readMasked(shell, options.ground);
    await beDenied(shell, options.ground);
    await waitForApproval(shell, options.ground);
    const session = await execAsDocument(shell, options.ground);
    await lookBack(shell, options.ground, session);
    await changeOneByte(shell, { ...options.ground, session, home });
    shell.say('Everything was as it must be.');
  } finally {
    await shell.sluiceQuietly(['daemon', 'stop']).catch(() => undefined);
    await rm(home, { recursive: true, force: true });
  }
}

async function logIn(shell: TourShell, ground: TourGround): Promise<void> {
  shell.say('An engineer logs in: device flow, the code confirmed over HTTP');
  expectExit(await shell.sluice(['login', ground.gateway, '--as', 'engineer']), 0);
  const who = await shell.sluice(['whoami']);
  expectExit(who, 0);
  expectWords(who, ['engineer']);
  const targets = await shell.sluice(['targets']);
  expectExit(targets, 0);
  expectWords(targets, ['demo-db']);
}

async function readMasked(shell: TourShell, ground: TourGround): Promise<void> {
  shell.say('Their own client, through the tunnel: rows come masked');
  const connect = await shell.sluice(['connect', 'demo-db', '--detach', '--print', 'uri']);
  expectExit(connect, 0);
  const uri = connect.stdout.trim();
  const truth = await ground.ask(sample);
  const rows = (await hasPsql(shell))
    ? await shell.run('psql', [uri, '-X', '-P', 'pager=off', '-c', sample], `psql "$URI" -c "${sample}"`)
    : await shell.run(process.execPath, nodeClient(uri, sample), `node client.js "$URI" "${sample}"`);
  expectExit(rows, 0);
  expectWords(
    rows,
    truth.map((row) => row['name'] ?? ''),
  );
  expectHidden(rows, secretsOf(truth));
}

async function beDenied(shell: TourShell, ground: TourGround): Promise<void> {
  shell.say('What policy forbids does not reach the database');
  const drop = await shell.sluice(['exec', 'demo-db', 'drop table orders']);
  expectExit(drop, 5);
  expectWords(drop, ['no-drop', 'not contacted']);
  const [left] = await ground.ask('select count(*)::text as n from orders');
  expectThat(Number(left?.['n']) > 0, 'the table to be there still', drop);
}

async function waitForApproval(shell: TourShell, ground: TourGround): Promise<void> {
  const [order] = await ground.ask('select min(id)::text as id from orders');
  const id = order?.['id'] ?? '';
  shell.say('What policy holds waits until somebody else approves it');
  const reviewer = ['--profile', 'reviewer'];
  expectExit(await shell.sluice(['login', ground.gateway, '--as', 'reviewer', ...reviewer]), 0);
  const statement = `delete from orders where id = ${id}`;
  const held = shell.sluice([
    'exec',
    'demo-db',
    statement,
    '--reason',
    'duplicate order',
    '--wait',
    '--timeout',
    '60s',
  ]);
  const [request, outcome] = await Promise.all([approve(shell, reviewer), held]);
  expectExit(outcome, 0);
  expectWords(outcome, [request]);
  const [left] = await ground.ask(`select count(*)::text as n from orders where id = ${id}`);
  expectThat(left?.['n'] === '0', 'the row to be gone', outcome);
}

/** The reviewer sees the request appear, reads it and approves it. */
async function approve(shell: TourShell, reviewer: readonly string[]): Promise<string> {
  const request = await firstPending(shell, reviewer);
  const list = await shell.sluice(['requests', 'list', ...reviewer]);
  expectWords(list, [request]);
  const approved = await shell.sluice(['requests', 'approve', request, '--comment', 'seen, fine', ...reviewer]);
  expectExit(approved, 0);
  return request;
}

async function firstPending(shell: TourShell, reviewer: readonly string[]): Promise<string> {
  const deadline = Date.now() + 45_000;
  for (;;) {
    const list = await shell.sluiceQuietly(['requests', 'list', '--state', 'pending', '--json', ...reviewer]);
    expectExit(list, 0);
    const requests = fieldOf(list, 'requests');
    if (Array.isArray(requests) && requests.length > 0) return String(fieldOf(list, 'requests', 0, 'id'));
    if (Date.now() > deadline) throw new SluiceError('timeout', 'The tour saw no request for approval in 45 s.');
    await delay(200);
  }
}

async function execAsDocument(shell: TourShell, ground: TourGround): Promise<string> {
  shell.say('Scripts and agents get one JSON document');
  const truth = await ground.ask(sample);
  const document = await shell.sluice(['exec', 'demo-db', sample, '--json']);
  expectExit(document, 0);
  expectThat(fieldOf(document, 'ok') === true, '"ok": true', document);
  expectThat(fieldOf(document, 'row_count') === truth.length, `${truth.length} rows`, document);
  const masked = fieldOf(document, 'masked_columns');
  expectThat(Array.isArray(masked) && masked.includes('email'), 'email among masked_columns', document);
  expectHidden(document, secretsOf(truth));
  return String(fieldOf(document, 'session_id'));
}

async function lookBack(shell: TourShell, ground: TourGround, session: string): Promise<void> {
  shell.say('All of it was recorded, masked, and can be found, replayed and proved');
  const search = await shell.sluice(['sessions', 'search', 'customers']);
  expectExit(search, 0);
  expectWords(search, [session]);
  const play = await shell.sluice(['play', session, '--format', 'text']);
  expectExit(play, 0);
  expectWords(play, ['from customers order by id']);
  expectHidden(play, secretsOf(await ground.ask(sample)));
  expectExit(await shell.sluice(['sessions', 'verify', '--profile', 'reviewer']), 0);
}

interface CopiedRecording extends TourGround {
  readonly session: string;
  readonly home: string;
}

async function changeOneByte(shell: TourShell, ground: CopiedRecording): Promise<void> {
  shell.say('One byte changed in a copy of a recording');
  const names = await readdir(ground.recordings, { recursive: true });
  const journal = names.find((name) => name.includes(ground.session) && name.endsWith('.journal'));
  if (journal === undefined) throw new SluiceError('unexpected', `The tour found no journal of ${ground.session}.`);
  const copy = join(ground.home, 'copy.journal');
  await copyFile(join(ground.recordings, journal), copy);
  const whole = await shell.sluice(['sessions', 'verify', copy], 'sessions verify copy.journal');
  expectExit(whole, 0);
  const file = await open(copy, 'r+');
  try {
    const position = Math.floor((await file.stat()).size / 2);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, position);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, position);
    shell.say(`byte ${position} of copy.journal: 0x${byte.toString('hex')} with one bit flipped`);
  } finally {
    await file.close();
  }
  expectExit(await shell.sluice(['sessions', 'verify', copy], 'sessions verify copy.journal'), 1);
}

function secretsOf(rows: readonly Readonly<Record<string, string>>[]): readonly string[] {
  const inNotes = rows.flatMap((row) => row['notes']?.match(/\S+@\S+\.\w+|\b\d{15,16}\b|ghp_\w+/g) ?? []);
  return [...rows.flatMap((row) => [row['email'] ?? '', row['card_number'] ?? '']), ...inNotes].filter(Boolean);
}

async function hasPsql(shell: TourShell): Promise<boolean> {
  return shell.quietly('psql', ['--version']).then(
    (outcome: Outcome) => outcome.code === 0,
    () => false,
  );
}

/** A client for machines without psql: the most used Node driver. */
function nodeClient(uri: string, sql: string): string[] {
  const script = `import pg from 'pg';
    const client = new pg.Client({ connectionString: process.argv[1] });
    await client.connect();
    console.table((await client.query(process.argv[2])).rows);
    await client.end();`;
  return ['--input-type=module', '--eval', script, uri, sql];
}

/** Nothing of the user's own logins is read or written. */
function isolated(env: TourOptions['env'], home: string): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(SLUICE_|PG|XDG_)/.test(entry[0]),
  );
  return {
    ...Object.fromEntries(kept),
    SLUICE_CONFIG_DIR: join(home, 'config'),
    SLUICE_STATE_DIR: join(home, 'state'),
    SLUICE_CREDENTIAL_STORE: 'file',
    SLUICE_NON_INTERACTIVE: '1',
    NO_COLOR: '1',
  };
}
