import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ssh2, { type Client, type ClientChannel, type SFTPWrapper } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDoor, openPolicy, startSshLab, type SshLab } from '../support/ssh-lab.js';
import { makeHome, runCli } from './support/run-cli.js';

/** What an insider would have the reviewer's terminal do: each begins and ends with a word that finds it again. */
const hostile = [
  'canary',
  '\u001b]52;c;b3duZWQ=\u0007', // write the clipboard
  '\u001b]0;owned\u001b\\', // set the title
  '\u001b]8;;http://evil.example\u001b\\link', // a link that reads as something else
  '\u001bP$qm\u001b\\', // DECRQSS: make the terminal type an answer
  '\u001b[6n\u001b[c\u001b[21t', // the same by reports of position, kind and title
  '\u001b[?1000h\u001b[?2004h', // report the mouse
  '\u001b[2J\u001b[H\u001b[1A', // draw over what stands above
  '\u009b31m\u009d0;owned\u009c', // the same in C1
  '\u202etxt.exe\u202c\u200b', // text that reads backwards
  'end',
].join('');
const hostileName = `../there/../there/canary\n\u001b]0;owned\u0007${'\u009b'}31m`;
const shell = (text: string): string => `'${text.replaceAll("'", `'"'"'`)}'`;

let lab: SshLab;
let home: Awaited<ReturnType<typeof makeHome>>;
let env: Readonly<Record<string, string>>;
let there: string;
/** The session that holds all of it, the request that was held in it, and the operation that uploaded a file. */
let session: string;
let request: string;
let uploaded: number;

beforeAll(async () => {
  lab = await startSshLab({ keepFileBytes: 10_000 });
  there = join(lab.sshd.dir, 'there');
  mkdirSync(there);
  home = await makeHome();
  lab.apply(
    `${openPolicy}@id("ask") @approval("dba") @message("Ask first.")\n` +
      'forbid (principal, action == Action::"exec", resource) when { context.program == "uptime" } unless { context.approvals.contains("dba") };\n' +
      '@id("no") forbid (principal, action == Action::"forward", resource);\n',
  );
  env = {
    ...{ SLUICE_GATEWAY: lab.gateway.url, SLUICE_TOKEN: await lab.gateway.token('reviewer'), SLUICE_NO_DAEMON: '1' },
    ...{ TERM: 'xterm-256color', COLUMNS: '200', LINES: '60', LC_ALL: 'C.UTF-8' },
  };
  await attack();
}, 120_000);
afterAll(async () => {
  await home.remove();
  await lab.stop();
});

/** Puts the hostile text wherever a client of SSH may put text. */
async function attack(): Promise<void> {
  const door = await openDoor(lab.gateway, 'engineer');
  const client = new ssh2.Client();
  const ready = once(client, 'ready');
  client.connect({
    ...{ host: '127.0.0.1', port: door.port, username: hostile, authHandler: ['none'] },
    ident: '\u001b]0;owned\u0007\u001b[31m',
  });
  await ready;
  await execute(client, `printf '%s' ${shell(hostile)}; printf '%s' ${shell(hostile)} >&2`);
  await execute(client, `printf '%s\\n' ${shell(hostile)}; sleep 1`, { pty: { cols: 80, rows: 24 } });
  await new Promise((resolve) => client.subsys(hostile, (_error, channel) => drained(channel).then(resolve, resolve)));
  await new Promise((resolve) => client.forwardOut(hostile, 1, hostile, 80, resolve));
  await files(client);
  const held = execute(client, `uptime ${shell(hostile)}`);
  request = await pendingRequest();
  await lab.gateway.call('POST', `/v1/requests/${request}/approve`, { as: 'reviewer', body: { comment: hostile } });
  await held;
  const closed = once(client, 'close');
  // The other end is gone by then: nothing that is told of that matters.
  client.on('error', () => undefined);
  client.end();
  await closed;
  await door.close();
  const [newest] = await lab.sessions();
  session = newest?.id ?? '';
  uploaded = newest?.operations.find(({ text }) => text.startsWith('open write'))?.op ?? 0;
}

async function files(client: Client): Promise<void> {
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) =>
    client.sftp((error, opened) => (error === undefined ? resolve(opened) : reject(error))),
  );
  const done = (work: (settled: (error?: unknown) => void) => unknown): Promise<unknown> =>
    new Promise((resolve) => work(resolve));
  await done((settled) => sftp.writeFile(`${there}/${hostile.replaceAll('/', '|')}`, hostile, settled));
  await done((settled) => sftp.writeFile(`${there}/${hostileName}`, hostile, settled));
  await done((settled) => sftp.readdir(there, settled));
  await done((settled) => sftp.symlink(hostile, `${there}/link`, settled));
  sftp.end();
}

function execute(client: Client, command: string, options: ssh2.ExecOptions = {}): Promise<void> {
  return new Promise((resolve, reject) =>
    client.exec(command, options, (error, channel) =>
      error === undefined ? drained(channel).then(resolve, reject) : reject(error),
    ),
  );
}

async function drained(channel: ClientChannel): Promise<void> {
  channel.resume();
  channel.stderr.resume();
  await once(channel, 'close');
}

async function pendingRequest(): Promise<string> {
  for (;;) {
    const { document } = await lab.gateway.call('GET', '/v1/requests?state=pending', { as: 'reviewer' });
    const [found] = document['requests'] as readonly { readonly id: string }[];
    if (found !== undefined) return found.id;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const entry = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));

/** Runs the command line on a terminal of its own and gives every byte that it wrote there. */
async function onTerminal(args: readonly string[], keys: readonly { readonly after: string; readonly type: string }[]) {
  const command = [process.execPath, entry, ...args].map(shell).join(' ');
  const child = spawn('script', ['-qec', `stty cols 200 rows 60 -echo; ${command}`, '/dev/null'], {
    cwd: home.dir,
    env: { PATH: process.env['PATH'] ?? '', HOME: home.dir, SLUICE_STATE_DIR: join(home.dir, 'state'), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const left = [...keys];
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    const [next] = left;
    if (next === undefined || !shown.includes(next.after)) return;
    left.shift();
    child.stdin.write(next.type);
  });
  const [code] = (await once(child, 'close')) as [number];
  child.stdin.destroy();
  return { code, shown };
}

/** What our own output may hold besides text: colours, and what the player draws its screen with. */
// oxlint-disable-next-line no-control-regex -- our own sequences begin with ESC
const ours = /\u001b\[(?:[\d;]*[mHG]|K|2J|\?1049[hl]|\?25[hl]|\?7[hl])/g;
/** Everything a terminal obeys or that makes text read as other text. */
const unsafe =
  // oxlint-disable-next-line no-control-regex -- that none of these is shown is what is tested
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/gu;
const unsafeIn = (shown: string): readonly string[] => shown.replaceAll(ours, '').match(unsafe) ?? [];

describe('what an insider wrote reaches no terminal of a reviewer’s', () => {
  it.each([
    ['sessions show', () => ['sessions', 'show', session], '\\x1b]52;c;'],
    ['sessions list', () => ['sessions', 'list'], 'ses_'],
    ['sessions search', () => ['sessions', 'search', 'canary'], '\\x1b]52;c;'],
    ['requests show', () => ['requests', 'show', request], '\\x1b]52;c;'],
    ['requests list', () => ['requests', 'list', '--state', 'executed'], 'req_'],
    ['play as text', () => ['play', session, '--format', 'text'], '\\x1b]52;c;'],
    ['play as JSON', () => ['play', session, '--json'], '\\u001b]52;c;'],
    ['an export as text', () => ['sessions', 'export', session, '--format', 'text', '-o', '-'], '\\x1b]52;c;'],
    ['an export as JSON lines', () => ['sessions', 'export', session, '--format', 'jsonl', '-o', '-'], 'u001b]52;c;'],
    [
      'an export of a file',
      () => ['sessions', 'export', session, '--format', 'file', '--op', String(uploaded), '-o', '-'],
      '\\x1b]52;c;',
    ],
    [
      'an export of a terminal',
      () => ['sessions', 'export', session, '--format', 'asciicast-v3', '--op', '2', '-o', '-'],
      '"canarylink',
    ],
  ])(
    'by %s',
    async (_, args, proof) => {
      const { code, shown } = await onTerminal(args(), []);
      expect.soft(unsafeIn(shown), shown).toEqual([]);
      // It was shown, only not obeyed.
      expect.soft(shown).toContain(proof);
      expect(code).toBe(0);
    },
    60_000,
  );

  it('by play, whose screen is its own', async () => {
    const keys = [
      { after: '? help', type: 'G' },
      { after: '│ canarylink', type: '/canary\rq' },
    ];
    const { code, shown } = await onTerminal(['play', session, '--op', '2'], keys);
    expect(unsafeIn(shown), shown).toEqual([]);
    expect(shown).toContain('canary\\x1b]52;c;');
    expect(code).toBe(0);
  }, 60_000);

  it('by play, which shows the terminal itself while it is open', async () => {
    const keys = [
      { after: '? help', type: ' /canary\rn' },
      { after: '"owned"', type: '<>q' },
    ];
    const { code, shown } = await onTerminal(['play', session, '--op', '2'], keys);
    expect(unsafeIn(shown), shown).toEqual([]);
    // Text and title, as words; what was not to be drawn is not there.
    expect(shown).toMatch(/txt\.exe[^]*end[^]*80×24[^]*"owned"/);
    expect(shown).not.toContain('b3duZWQ=');
    expect(code).toBe(0);
  }, 60_000);

  it('nor a journal, which is no text', async () => {
    const { code, shown } = await onTerminal(['sessions', 'export', session, '-o', '-'], []);
    expect(unsafeIn(shown), shown).toEqual([]);
    expect(shown).toContain('--output FILE');
    expect(code).toBe(2);
    // The control: to a pipe it goes as it is.
    const piped = await runCli(home.dir, ['sessions', 'export', session, '-o', '-'], { env, input: null });
    expect([piped.code, piped.stdout.includes('\u001b]52;c;')]).toEqual([0, true]);
  }, 60_000);
});

describe('a session’s recording', () => {
  it('has a name that nobody chooses, and no other file was written', () => {
    const recordings = join(lab.gateway.stateDir, 'recordings');
    const names = readdirSync(recordings, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map(({ name }) => name);
    expect(names).toContain(`${session}.journal`);
    for (const name of names) expect(name).toMatch(/^[\w.-]+$/);
    // The control: on the machine it was written by that name.
    expect(readdirSync(there).filter((name) => name.includes('canary\n'))).toHaveLength(1);
  });

  it.each([
    '..%2f..%2fidentity',
    '%2e%2e/%2e%2e/secrets',
    'ses_..%2f..%2fledger',
    '..%5c..%5cledger',
    'ses_%00',
    '%2fetc%2fpasswd',
  ])('is asked for by its id and not by a path: %s', async (id) => {
    for (const rest of ['', '/journal', '/key']) {
      const answer = await lab.gateway.call('GET', `/v1/sessions/${id}${rest}`, { as: 'reviewer' });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(answer.text).not.toContain('root:');
    }
    expect((await lab.gateway.call('GET', `/v1/sessions/${session}`, { as: 'reviewer' })).status).toBe(200);
  });
});
