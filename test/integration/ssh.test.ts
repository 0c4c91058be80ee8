import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPolicy, startSshLab, type SshLab } from '../support/ssh-lab.js';

let lab: SshLab;
beforeAll(async () => {
  lab = await startSshLab({ detectors: '{ email: mask, token: mask }' });
}, 60_000);
afterAll(() => lab.stop());
beforeEach(() => lab.apply(openPolicy));

const forbid = (action: string, when = 'true'): string =>
  `${openPolicy}@id("no") @message("Not here.")\nforbid (principal, action == Action::"${action}", resource) when { ${when} };\n`;
const hold = (action: string, when = 'true'): string =>
  `${openPolicy}@id("ask") @approval("dba") @message("Ask first.")\n` +
  `forbid (principal, action == Action::"${action}", resource) when { ${when} } unless { context.approvals.contains("dba") };\n`;

describe('OpenSSH through the gateway', () => {
  it('runs a command and passes its output and exit status through', async () => {
    const ended = await lab.ssh('echo out; echo err >&2; exit 7');
    expect(ended).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    const [session] = await lab.sessions();
    expect(session?.operations).toMatchObject([
      { op: 1, kind: 'exec', text: 'echo out; echo err >&2; exit 7', verdict: 'allow' },
    ]);
    const transcript = await lab.transcript(session?.id ?? '');
    expect(transcript).toContain('out\n');
    expect(transcript).toContain('exit 7');
  });

  it('closes the record of a client that broke the protocol before its session had begun', async () => {
    // One packet of more than SSH allows: ssh sends the whole command in one.
    expect((await lab.ssh(`echo ${'y'.repeat(50_000)}`)).code).toBe(255);
    for (let attempt = 0; (await lab.sessions()).length === 0; attempt++) expect(attempt).toBeLessThan(400);
    const [session] = await lab.sessions();
    expect(session?.state).toBe('closed');
  });

  it('tells of a program that a signal ended', async () => {
    expect((await lab.ssh('kill -TERM $$')).code).toBe(255);
    const [session] = await lab.sessions();
    expect(await lab.transcript(session?.id ?? '')).toContain('killed by SIGTERM');
  });

  it('carries input and output byte by byte, however large', async () => {
    const input = randomBytes(12_000_000);
    const ended = await lab.run(
      'ssh',
      ['-F', lab.config, 'web-1', 'sha256sum; head -c 30000000 /dev/zero | tr "\\0" x | sha256sum'],
      {
        input,
      },
    );
    const x = createHash('sha256').update(Buffer.alloc(30_000_000, 'x')).digest('hex');
    expect(ended.stdout).toBe(`${createHash('sha256').update(input).digest('hex')}  -\n${x}  -\n`);
  });

  it('gives both outputs whole when each is larger than the window', async () => {
    const ended = await lab.ssh(
      'head -c 9000000 /dev/zero | tr "\\0" a; head -c 9000000 /dev/zero | tr "\\0" b >&2; head -c 9000000 /dev/zero | tr "\\0" a',
    );
    expect(ended.code).toBe(0);
    expect(ended.stdout).toBe('a'.repeat(18_000_000));
    expect(ended.stderr).toBe('b'.repeat(9_000_000));
  });

  it('sets the variables that the target’s list has, and no others', async () => {
    const ended = await lab.run(
      'ssh',
      ['-F', lab.config, '-o', 'SendEnv=LC_TEST SECRET_X', 'web-1', 'echo "[$LC_TEST][$SECRET_X]"'],
      {
        env: { LC_TEST: 'yes', SECRET_X: 'no' },
      },
    );
    expect(ended.stdout).toBe('[yes][]\n');
  });

  it('opens a shell on a terminal of the client’s size, and records it', async () => {
    const script = 'stty size; echo $TERM; exit 3\n';
    const ended = await lab.run('ssh', ['-F', lab.config, '-tt', 'web-1'], { input: script, env: { TERM: 'xterm' } });
    expect(ended.code).toBe(3);
    expect(ended.stdout).toContain('xterm');
    const [session] = await lab.sessions();
    expect(session?.operations[0]).toMatchObject({ kind: 'shell', effects: ['shell on target web-1'] });
    expect(await lab.transcript(session?.id ?? '')).toContain('exit 3');
  });

  it('keeps nothing of what is typed where nothing is echoed, nor of what is piped in', async () => {
    const secret = 'correct-horse-battery';
    const ask = "stty -echo; printf 'Password: '; read -r word; stty echo; echo; echo ${#word} characters";
    const typing = spawn('ssh', ['-F', lab.config, '-tt', 'web-1', ask], { stdio: 'pipe' });
    let shown = '';
    typing.stdout.on('data', (chunk: Buffer) => {
      // A person types once they are asked.
      if (!shown.includes('Password: ') && `${shown}${chunk.toString()}`.includes('Password: '))
        typing.stdin.write(`${secret}\n`);
      shown += chunk.toString();
    });
    await once(typing, 'close');
    expect(shown).toContain(`${secret.length} characters`);
    const piped = await lab.run('ssh', ['-F', lab.config, 'web-1', 'wc -c'], { input: secret });
    expect(piped.stdout.trim()).toBe(String(secret.length));
    for (const { id } of (await lab.sessions()).slice(0, 2)) {
      const transcript = await lab.transcript(id);
      expect(transcript).not.toContain(secret);
      expect(transcript).toContain('bytes of input were counted and not kept');
    }
  });

  it('keeps channels of one connection apart', async () => {
    const control = join(lab.sshd.dir, 'control');
    const master = ['-F', lab.config, '-o', `ControlPath=${control}`];
    const background = spawn('ssh', [...master, '-N', '-M', 'web-1'], { stdio: 'ignore' });
    for (let attempt = 0; attempt < 400 && !existsSync(control); attempt++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    const all = await Promise.all(
      [1, 2, 3, 4, 5].map((index) =>
        lab.run('ssh', [...master, 'web-1', `for i in 1 2 3; do echo ${index}; done; exit ${index}`]),
      ),
    );
    await lab.run('ssh', [...master, '-O', 'exit', 'web-1']);
    background.kill();
    expect(all.map(({ code, stdout }) => [code, stdout])).toEqual(
      [1, 2, 3, 4, 5].map((index) => [index, `${index}\n`.repeat(3)]),
    );
    const [session] = await lab.sessions();
    expect(session?.operations).toHaveLength(5);
  });
});

describe('policy on a machine', () => {
  it('refuses a command in words on stderr and by its exit status, and the target never hears of it', async () => {
    lab.apply(forbid('exec', 'context.program == "touch"'));
    const file = join(lab.sshd.dir, 'never');
    const ended = await lab.ssh(`touch ${file}`);
    expect(ended).toMatchObject({ code: 205, stdout: '' });
    expect(ended.stderr).toContain('sluice: denied by gateway (policy "no"): Not here.');
    expect(existsSync(file)).toBe(false);
    const [session] = await lab.sessions();
    expect(session?.operations).toMatchObject([{ verdict: 'deny' }]);
  });

  it.each([
    ['in a pipeline', (file: string) => `echo x | tee ${file}.log; touch ${file}`],
    ['behind a wrapper', (file: string) => `env touch ${file}`],
    ['in a shell of its own', (file: string) => `sh -c 'touch ${file}'`],
    ['by its path', (file: string) => `/usr/bin/touch ${file}`],
    ['in a substitution', (file: string) => `echo "$(touch ${file})"`],
    ['quoted oddly', (file: string) => `t''ou\\ch ${file}`],
  ])('finds a forbidden program %s', async (_, text) => {
    lab.apply(forbid('exec', 'context.program == "touch"'));
    const file = join(lab.sshd.dir, `hidden-${randomBytes(4).toString('hex')}`);
    expect((await lab.ssh(text(file))).code).toBe(205);
    expect(existsSync(file)).toBe(false);
    lab.apply(openPolicy);
    expect((await lab.ssh(text(file))).code).toBe(0);
    expect(existsSync(file)).toBe(true);
  });

  it.each([
    'eval ls',
    'echo bHM= | base64 -d | sh',
    'python3 -c "print(1)"',
    'ls $HOME',
    'X=1; $X',
    'ls /et?',
    'cat <<E\nE',
  ])('knows that it cannot read: %s', async (text) => {
    lab.apply(forbid('exec', 'context.opaque'));
    expect((await lab.ssh(text)).code).toBe(205);
    expect((await lab.ssh('ls -l /etc/hosts')).code).toBe(0);
  });

  it('holds a command until a reviewer approves, telling the person meanwhile', async () => {
    lab.apply(hold('exec', 'context.program == "uptime"'));
    const running = lab.ssh('uptime');
    const request = await pendingRequest();
    expect(request['text']).toBe('uptime');
    const approved = await lab.gateway.call('POST', `/v1/requests/${String(request['id'])}/approve`, {
      as: 'reviewer',
      body: { comment: 'fine' },
    });
    expect(approved.status).toBe(200);
    const ended = await running;
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain(`sluice: held for approval: Ask first.`);
    expect(ended.stdout).toContain('load average');
  });

  it('withdraws the request of a person who leaves', async () => {
    lab.apply(hold('shell'));
    const child = spawn('ssh', ['-F', lab.config, '-tt', 'web-1'], { stdio: ['pipe', 'ignore', 'ignore'] });
    const request = await pendingRequest();
    child.kill('SIGKILL');
    const path = `/v1/requests/${String(request['id'])}/wait?timeout_ms=20000`;
    const { document } = await lab.gateway.call('GET', path, { as: 'reviewer' });
    expect(document['request']).toMatchObject({ state: 'cancelled' });
    const [session] = await lab.sessions();
    expect(session?.operations).toMatchObject([{ kind: 'shell', verdict: 'hold' }]);
  });

  it('judges each destination of forwarded connections', async () => {
    const server = createServer((_, response) => response.end('inside'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const ask = `GET / HTTP/1.0\r\n\r\n`;
    const through = (to: number) =>
      lab.run('ssh', ['-F', lab.config, '-W', `127.0.0.1:${to}`, 'web-1'], { input: ask });
    lab.apply(forbid('forward', `context.destination != "127.0.0.1:${port}"`));
    expect((await through(port)).stdout).toContain('inside');
    const [session] = await lab.sessions();
    expect(session?.operations).toMatchObject([
      { kind: 'forward', text: `forward 127.0.0.1:${port}`, verdict: 'allow' },
    ]);
    const refused = await through(lab.sshd.port);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout).toBe('');
    server.close();
  });

  it('listens on the target only where policy permits it', async () => {
    const listen = [
      '-F',
      lab.config,
      '-o',
      'ExitOnForwardFailure=yes',
      '-R',
      '127.0.0.1:0:127.0.0.1:1',
      'web-1',
      'echo open',
    ];
    expect((await lab.run('ssh', listen)).stdout).toBe('open\n');
    lab.apply(forbid('forwardListen'));
    expect((await lab.run('ssh', listen)).code).not.toBe(0);
  });

  it('never forwards the agent, and records who asked for it', async () => {
    const agent = spawn('ssh-agent', ['-D', '-a', join(lab.sshd.dir, 'agent')], { stdio: 'ignore' });
    // ssh asks for forwarding only when the agent answers; without keys it answers with 1, without an agent with 2.
    const env = { SSH_AUTH_SOCK: join(lab.sshd.dir, 'agent') };
    for (let attempt = 0; attempt < 400 && (await lab.run('ssh-add', ['-l'], { env })).code === 2; attempt++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    const ended = await lab.run('ssh', ['-F', lab.config, '-A', 'web-1', 'echo "[$SSH_AUTH_SOCK]"'], {
      env: { SSH_AUTH_SOCK: join(lab.sshd.dir, 'agent') },
    });
    agent.kill();
    expect(ended.stdout).toBe('[]\n');
    const [session] = await lab.sessions();
    expect(session?.operations.find(({ kind }) => kind === 'forward')).toMatchObject({ verdict: 'deny' });
  });

  it('gives a program no more input than while it was permitted', async () => {
    const file = join(lab.sshd.dir, 'fed');
    const child = spawn('ssh', ['-F', lab.config, 'web-1', `cat > ${file}`]);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const holds = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
    child.stdin.on('error', () => undefined).write('while it was permitted\n');
    await expect.poll(holds, { timeout: 20_000 }).toBe('while it was permitted\n');
    lab.apply(forbid('exec'));
    child.stdin.write('behind\n');
    expect(await ended).not.toBe(0);
    expect(holds()).toBe('while it was permitted\n');
    const [session] = await lab.sessions();
    expect(session?.operations.at(-1)).toMatchObject({
      kind: 'exec',
      error: expect.stringContaining('Not here.') as string,
    });
  });

  it('ends a session whose user may not connect any more', async () => {
    const running = lab.ssh('echo begun; sleep 60');
    for (let attempt = 0; ; attempt++) {
      const { document } = await lab.gateway.call('GET', '/v1/sessions?target=web-1&state=live', { as: 'engineer' });
      if ((document['sessions'] as readonly { operations: number }[]).some(({ operations }) => operations > 0)) break;
      if (attempt > 400) throw new Error('the session does not begin');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    lab.apply(forbid('connect'));
    const ended = await running;
    expect(ended.code).toBe(230);
    expect(ended.stderr).toContain('you may no longer connect to this target');
  });
});

describe('a machine with another host key than the one that is pinned', () => {
  it('is refused loudly, and nothing is sent to it', async () => {
    const other = await startSshLab({ hostKey: `SHA256:${'A'.repeat(43)}` });
    try {
      const ended = await other.ssh('echo never');
      expect(ended).toMatchObject({ code: 212, stdout: '' });
      expect(ended.stderr).toContain('HOST KEY MISMATCH: web-1 answered with SHA256:');
      expect(other.sshd.log()).not.toContain('Accepted');
      const [session] = await other.sessions();
      expect(session).toMatchObject({ state: 'closed', operations: [] });
      // The control: the same machine, by its own key.
      expect((await lab.ssh('echo pinned')).stdout).toBe('pinned\n');
    } finally {
      await other.stop();
    }
  });
});

describe('output of programs', () => {
  it('is masked on its way to the person and to the record', async () => {
    const secret = 'ada.lovelace@corp.example';
    const ended = await lab.ssh(`printf 'mail: ada.lovelace@'; sleep 0.01; printf 'corp.example.\\n'`);
    expect(ended.stdout).toBe(`mail: ${'*'.repeat(secret.length)}.\n`);
    const [session] = await lab.sessions();
    const recording = await lab.transcript(session?.id ?? '');
    expect(recording).toContain(`mail: ${'*'.repeat(secret.length)}`);
  });

  it('keeps its shape on a terminal', async () => {
    const ended = await lab.ssh('-tt', `printf '\\033[31mghp_%s\\033[0m|\\n' 0123456789abcdefghijABCDEFGHIJ012345`);
    expect(ended.stdout).toBe(`\u001b[31m${'*'.repeat(40)}\u001b[0m|\r\n`);
  });
});

describe('exec on a machine', () => {
  it('is not spoken to in SQL by a caller who asks for a stream', async () => {
    const before = (await lab.sessions()).length;
    const body = { target: 'web-1', text: 'echo streamed', stream: true };
    const { status, document } = await lab.gateway.call('POST', '/v1/exec', { as: 'engineer', body });
    expect(status).toBe(400);
    expect(document).toMatchObject({ ok: false, error: { code: 'usage', decider: 'gateway' } });
    expect((await lab.sessions()).length).toBe(before);
  });

  it('answers with output and exit code from the same engine', async () => {
    const body = { target: 'web-1', text: 'echo hello; echo oh >&2; exit 4' };
    const { status, document } = await lab.gateway.call('POST', '/v1/exec', { as: 'engineer', body });
    expect(status).toBe(200);
    expect(document).toMatchObject({ exit_code: 4, stdout: 'hello\n', stderr: 'oh\n', truncated: false, rows: [] });
  });

  it('cuts long output, and lets the command run to its end', async () => {
    const file = join(lab.sshd.dir, 'ran-to-end');
    const body = { target: 'web-1', text: `head -c 500000 /dev/zero | tr "\\0" x; touch ${file}`, max_bytes: 1000 };
    const { document } = await lab.gateway.call('POST', '/v1/exec', { as: 'engineer', body });
    expect(document).toMatchObject({ truncated: true, stdout: 'x'.repeat(1000), exit_code: 0 });
    expect(existsSync(file)).toBe(true);
  });

  it('says what policy would decide, without running it', async () => {
    lab.apply(forbid('exec', 'context.paths.contains("/etc/shadow")'));
    const body = { target: 'web-1', text: 'cat /etc/shadow | wc -l', dry_run: true };
    const { document } = await lab.gateway.call('POST', '/v1/exec', { as: 'engineer', body });
    expect(document).toMatchObject({ verdict: 'deny', policies: ['no'] });
    const { status, document: refused } = await lab.gateway.call('POST', '/v1/exec', {
      as: 'engineer',
      body: { ...body, dry_run: false },
    });
    expect(status).toBe(403);
    expect(refused['error']).toMatchObject({ code: 'denied', policy: 'no' });
  });

  it('runs once what was approved', async () => {
    lab.apply(hold('exec'));
    const body = { target: 'web-1', text: 'echo approved' };
    const held = await lab.gateway.call('POST', '/v1/exec', { as: 'engineer', body });
    const request = String((held.document['error'] as { request_id: string }).request_id);
    await lab.gateway.call('POST', `/v1/requests/${request}/approve`, { as: 'reviewer', body: {} });
    const again = { ...body, request_id: request };
    const ran = await lab.gateway.call('POST', '/v1/exec', { as: 'engineer', body: again });
    expect(ran.document).toMatchObject({ exit_code: 0, stdout: 'approved\n' });
    expect((await lab.gateway.call('POST', '/v1/exec', { as: 'engineer', body: again })).status).not.toBe(200);
  });
});

async function pendingRequest(): Promise<Readonly<Record<string, unknown>>> {
  for (let attempt = 0; ; attempt++) {
    const { document } = await lab.gateway.call('GET', '/v1/requests?state=pending', { as: 'reviewer' });
    const [request] = document['requests'] as readonly Readonly<Record<string, unknown>>[];
    if (request !== undefined) return request;
    if (attempt > 400) throw new Error('nothing is held');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
