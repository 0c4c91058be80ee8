import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPolicy, startFileLab, type Ended, type SshLab } from '../support/ssh-lab.js';

// Tools that people put on top of ssh, each by the words it runs the real OpenSSH client with.

let lab: SshLab;
/** A folder on the "machine", and one on the person's side. */
let there: string;
let here: string;
beforeAll(async () => {
  ({ lab, there, here } = await startFileLab());
}, 60_000);
afterAll(() => lab.stop());
beforeEach(() => lab.apply(openPolicy));

const forbid = (action: string, when = 'true'): string =>
  `${openPolicy}@id("no") @message("Not here.")\nforbid (principal, action == Action::"${action}", resource) when { ${when} };\n`;

/** ansible.builtin.ssh's own options: one connection for a whole play, kept after its first command. */
function ansibleOptions(name: string): readonly string[] {
  const options = [
    ...['ControlMaster=auto', 'ControlPersist=60s', 'KbdInteractiveAuthentication=no', 'PasswordAuthentication=no'],
    ...['PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey', 'ConnectTimeout=10'],
    `ControlPath=${join(here, name)}`,
  ];
  return ['-F', lab.config, '-C', ...options.flatMap((option) => ['-o', option])];
}

/** As Ansible quotes: the command is one word for the login shell, which starts `/bin/sh`. */
const bySh = (command: string): string => `/bin/sh -c '${command.replaceAll("'", `'"'"'`)}'`;

const module = (answer: string): string =>
  `#!/usr/bin/python3\nimport json, sys\nprint(json.dumps({"changed": True, "ping": "${answer}", "args": len(sys.argv)}))\n`;

describe('Ansible', () => {
  it('keeps one connection for a play: folder, module by sftp, run, removal; all of it in one record', async () => {
    const through = ansibleOptions('play');
    const ssh = (command: string, ...flags: readonly string[]): Promise<Ended> =>
      lab.run('ssh', [...through, ...flags, 'web-1', bySh(command)]);
    const dir = `${there}/ansible-tmp-1700000000.1-2-3`;
    const home = await ssh('echo ~ && sleep 0');
    expect(home).toMatchObject({ code: 0, stdout: `${process.env['HOME'] ?? ''}\n` });
    // The first command went to the background as the connection of those that follow.
    expect((await lab.run('ssh', [...through, '-O', 'check', 'web-1'])).stderr).toContain('Master running');
    const made = await ssh(
      `( umask 77 && mkdir -p "\` echo ${there} \`"&& mkdir "\` echo ${dir} \`" && echo ansible-tmp="\` echo ${dir} \`" ) && sleep 0`,
    );
    expect(made).toMatchObject({ code: 0, stdout: `ansible-tmp=${dir}\n` });
    writeFileSync(join(here, 'AnsiballZ_ping.py'), module('pong'));
    const put = await lab.run('sftp', ['-b', '-', ...through, 'web-1'], {
      input: `put ${here}/AnsiballZ_ping.py ${dir}/AnsiballZ_ping.py\n`,
    });
    expect(put.code).toBe(0);
    expect(await ssh(`chmod u+x ${dir}/ ${dir}/AnsiballZ_ping.py && sleep 0`)).toMatchObject({ code: 0 });
    expect(statSync(join(dir, 'AnsiballZ_ping.py')).mode & 0o100).toBe(0o100);
    const ran = await ssh(`/usr/bin/python3 ${dir}/AnsiballZ_ping.py && sleep 0`, '-tt');
    expect([ran.code, JSON.parse(ran.stdout)]).toEqual([0, { changed: true, ping: 'pong', args: 1 }]);
    expect(await ssh(`rm -f -r ${dir}/ > /dev/null 2>&1 && sleep 0`)).toMatchObject({ code: 0 });
    expect(existsSync(dir)).toBe(false);
    await lab.run('ssh', [...through, '-O', 'exit', 'web-1']);

    const [session] = await lab.sessions();
    const kinds = session?.operations.map(({ kind, text }) => (kind === 'file' ? text.split(' ')[0] : kind)) ?? [];
    expect(kinds.filter((kind) => kind === 'exec')).toHaveLength(5);
    expect(session?.operations.map(({ text }) => text)).toContain(`open write+creat+trunc ${dir}/AnsiballZ_ping.py`);
    expect(session?.operations.every(({ verdict }) => verdict === 'allow')).toBe(true);
    expect(await lab.transcript(session?.id ?? '')).toContain('"ping": "pong"');
  });

  it('feeds modules through standard input where it pipelines, several at once', async () => {
    const through = ansibleOptions('pipelined');
    const fork = (index: number): Promise<Ended> =>
      lab.run('ssh', [...through, 'web-1', bySh('/usr/bin/python3 && sleep 0')], { input: module(`pong ${index}`) });
    // The first makes the connection; as many as Ansible forks by itself use it.
    const all = [await fork(0), ...(await Promise.all([1, 2, 3, 4, 5].map(fork)))];
    await lab.run('ssh', [...through, '-O', 'exit', 'web-1']);
    expect(all.map(({ code, stdout, stderr }) => [code, JSON.parse(stdout), stderr])).toEqual(
      all.map((_, index) => [0, { changed: true, ping: `pong ${index}`, args: 1 }, '']),
    );
    const [session] = await lab.sessions();
    expect(session?.operations).toHaveLength(6);
    // What such a command runs stands nowhere in its text: a policy against that refuses it.
    lab.apply(forbid('exec', 'context.opaque'));
    expect(await fork(6)).toMatchObject({ code: 205, stdout: '' });
    await lab.run('ssh', [...through, '-O', 'exit', 'web-1']);
  });

  it('is refused one task by policy, with the connection left to the others', async () => {
    const through = ansibleOptions('refused');
    lab.apply(forbid('exec', 'context.program == "rm"'));
    const file = join(there, 'kept');
    writeFileSync(file, 'kept');
    const ssh = (command: string): Promise<Ended> => lab.run('ssh', [...through, 'web-1', bySh(command)]);
    expect(await ssh('echo before && sleep 0')).toMatchObject({ code: 0, stdout: 'before\n' });
    const refused = await ssh(`rm -f -r ${file} > /dev/null 2>&1 && sleep 0`);
    expect(refused).toMatchObject({ code: 205, stdout: '' });
    expect(refused.stderr).toContain('sluice: denied by gateway (policy "no"): Not here.');
    expect(readFileSync(file, 'utf8')).toBe('kept');
    expect(await ssh('echo after && sleep 0')).toMatchObject({ code: 0, stdout: 'after\n' });
    await lab.run('ssh', [...through, '-O', 'exit', 'web-1']);
    const [session] = await lab.sessions();
    expect(session?.operations.map(({ verdict }) => verdict)).toEqual(['allow', 'deny', 'allow']);
  });
});

describe('ansible-playbook', () => {
  it.each([
    ['pipelined', 'True', 'smart'],
    ['with modules by scp', 'False', 'scp'],
  ])(
    'does a play %s',
    async (_, pipelining, transfer) => {
      const dir = join(there, `play-${pipelining}-${transfer}`);
      mkdirSync(dir);
      writeFileSync(join(here, 'inventory'), 'web-1 ansible_python_interpreter=/usr/bin/python3\n');
      writeFileSync(join(here, 'ansible.cfg'), '[defaults]\n');
      writeFileSync(join(here, 'notes.txt'), 'ada@corp.example\n');
      writeFileSync(
        join(here, 'play.yml'),
        JSON.stringify([
          {
            hosts: 'all',
            gather_facts: false,
            tasks: [
              { 'ansible.builtin.ping': {} },
              { 'ansible.builtin.copy': { src: join(here, 'notes.txt'), dest: join(dir, 'notes.txt') } },
              { 'ansible.builtin.command': { cmd: `cp ${dir}/notes.txt ${dir}/copy.txt`, creates: `${dir}/copy.txt` } },
              { 'ansible.builtin.fetch': { src: `${dir}/notes.txt`, dest: `${dir}-fetched.txt`, flat: true } },
            ],
          },
        ]),
      );
      const env = {
        ...{
          ANSIBLE_CONFIG: join(here, 'ansible.cfg'),
          ANSIBLE_NOCOLOR: '1',

          LC_ALL: 'C.UTF-8',
        },
        ...{ ANSIBLE_PIPELINING: pipelining, ANSIBLE_SSH_TRANSFER_METHOD: transfer, ANSIBLE_HOST_KEY_CHECKING: 'True' },
        ...{ ANSIBLE_SSH_COMMON_ARGS: `-F ${lab.config}`, ANSIBLE_SSH_CONTROL_PATH: `${dir}-control` },
        ...{ ANSIBLE_LOCAL_TEMP: join(here, 'tmp'), ANSIBLE_REMOTE_TEMP: join(there, 'tmp') },
      };
      const play = await lab.run('ansible-playbook', ['-i', join(here, 'inventory'), join(here, 'play.yml')], {
        ...{ env, timeoutMs: 90_000 },
      });
      // The connection is kept for the next play.
      const left = await lab.run('ssh', ['-F', lab.config, '-S', `${dir}-control`, '-O', 'exit', 'web-1']);
      expect(left.stderr).toContain('Exit request sent');
      expect([play.code, play.stderr], play.stdout).toEqual([0, '']);
      expect(play.stdout).toMatch(/web-1 +: ok=4 +changed=3 +unreachable=0 +failed=0/);
      expect(readFileSync(join(dir, 'copy.txt'), 'utf8')).toBe('ada@corp.example\n');
      expect(readFileSync(`${dir}-fetched.txt`, 'utf8')).toBe('ada@corp.example\n');
    },
    120_000,
  );
});

describe('an editor that works on the machine', () => {
  it('bootstraps over standard input, then reaches its server by dynamic forwarding, with channels side by side', async () => {
    // What the editor's server would be: it answers over HTTP on a port of the machine's own loopback.
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (asked) => {
        const path = /^GET (\S+)/.exec(asked.toString())?.[1] ?? '';
        socket.end(`HTTP/1.0 200 OK\r\n\r\n${path.repeat(20_000)}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const socksPort = await freePort();
    const editor = spawn('ssh', ['-F', lab.config, '-T', '-D', String(socksPort), 'web-1', 'bash'], { stdio: 'pipe' });
    let said = '';
    editor.stdout.on('data', (piece: Buffer) => (said += piece.toString()));
    const shown = async (what: string): Promise<void> => {
      while (!said.includes(what)) await once(editor.stdout, 'data');
    };
    // Long scripts of thousands of lines, a marker printed when each part is through.
    const filler = Array.from({ length: 4000 }, (_, index) => `function step_${index}() { true; }`).join('\n');
    editor.stdin.write(`${filler}\nmkdir -p ${there}/.server && echo "bootstrap: listening on ${port}"\n`);
    await shown(`bootstrap: listening on ${port}`);
    expect(existsSync(join(there, '.server'))).toBe(true);
    const fetched = await Promise.all(
      ['/version', '/a', '/b', '/c', '/d', '/e'].map((path) =>
        lab.run('curl', ['-s', '--socks5-hostname', `127.0.0.1:${socksPort}`, `http://127.0.0.1:${port}${path}`]),
      ),
    );
    expect(fetched.map(({ code, stdout }) => [code, stdout.length])).toEqual(
      ['/version', '/a', '/b', '/c', '/d', '/e'].map((path) => [0, path.length * 20_000]),
    );
    // The script's shell still runs beside them.
    editor.stdin.write('echo still here\n');
    await shown('still here');
    // Another host than the machine itself is another destination, which policy may refuse.
    lab.apply(forbid('forward', `context.destination != "127.0.0.1:${port}"`));
    const stray = ['-s', '--socks5-hostname', `127.0.0.1:${socksPort}`, `http://localhost:${port}/stray`];
    expect(await lab.run('curl', stray)).toMatchObject({ code: 97, stdout: '' });
    editor.stdin.end('exit 0\n');
    const [code] = (await once(editor, 'close')) as [number];
    expect(code).toBe(0);
    server.close();

    const [session] = await lab.sessions();
    const forwards = session?.operations.filter(({ kind }) => kind === 'forward') ?? [];
    expect(forwards.map(({ text, verdict }) => [text, verdict])).toEqual([
      ...Array.from({ length: 6 }, () => [`forward 127.0.0.1:${port}`, 'allow']),
      [`forward localhost:${port}`, 'deny'],
    ]);
    expect(await lab.transcript(session?.id ?? '')).toContain(`bootstrap: listening on ${port}`);
    // What was piped in is counted and not kept.
    expect(await lab.transcript(session?.id ?? '')).not.toContain('step_3999');
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
