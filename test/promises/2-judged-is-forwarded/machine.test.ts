import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openMachine, tightPolicy, type Machine, type Way } from '../support/machine.js';
import { commandForms } from './machine-forms.js';

// An insider who may look at a machine and work in one folder of it, with OpenSSH and with a client of their own making.

let machine: Machine;
let permitted: Server;
let forbidden: Server;
let heard = 0;
beforeAll(async () => {
  machine = await openMachine();
  permitted = await listening('permitted');
  forbidden = await listening('forbidden');
  machine.lab.apply(
    tightPolicy(
      machine.dir,
      `@id("one-port") permit (principal, action == Action::"forward", resource) when { context.destination == "127.0.0.1:${portOf(permitted)}" };`,
    ),
  );
});
afterAll(async () => {
  permitted.close();
  forbidden.close();
  await machine.stop();
});
beforeEach(() => machine.restore());

async function listening(word: string): Promise<Server> {
  const server = createServer((socket) => {
    if (word === 'forbidden') heard++;
    socket.on('error', () => undefined);
    socket.end(word);
  });
  // Also reached by the names and the other notation of the same address.
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  return server;
}
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

describe('a command that makes a file', () => {
  it.each(commandForms)('is refused as $name', async ({ text }) => {
    const file = join(machine.dir, 'private', 'made');
    const script = text.replaceAll(/\bF\b/g, file).replaceAll(/\bD\b/g, join(machine.dir, 'private', 'programs'));
    const before = machine.fingerprint();
    await machine.run('direct', script);
    expect(machine.fingerprint(), 'the control changes nothing').not.toBe(before);
    machine.restore();
    const refused = await machine.run('insider', script);
    expect([refused.code, refused.stdout]).toEqual([205, '']);
    expect(refused.stderr).toContain('sluice: denied by');
    expect(machine.fingerprint()).toBe(before);
  });

  it.each([
    ['ls', 'ls -l /etc/hostname'],
    ['words in quotes', `echo "a  b" 'c;d' e\\ f`],
    ['a pipe', 'cat /etc/hostname | wc -c'],
    ['outputs joined and thrown away', 'ls /nowhere >/dev/null 2>&1; echo $?'],
  ])('is not what is refused: %s', async (_, text) => {
    const through = await machine.run('insider', text);
    expect(through).toEqual(await machine.run('direct', text));
    expect(through.code).toBe(0);
  });

  it('is refused when it is no text, of which something else would be run', async () => {
    const bytes = (config: string): string => `ssh -F ${config} web-1 "$(printf 'echo caf\\351')" | od -An -tx1`;
    const past = await machine.lab.run('bash', ['-c', bytes(join(machine.lab.sshd.dir, 'direct_config'))]);
    expect(past.stdout).toContain('63 61 66 e9 0a');
    const refused = await machine.lab.run('bash', ['-c', bytes(machine.lab.config)]);
    expect(refused).toMatchObject({ stdout: '', stderr: expect.stringContaining('not UTF-8') });
  });

  it('is refused by a permitted name in another folder', async () => {
    const own = join(machine.dir, 'pub', 'ls');
    const put = `echo '#!/bin/sh' >${own}; echo 'touch ${machine.dir}/private/made' >>${own}; chmod 755 ${own}`;
    await machine.run('direct', put);
    const before = machine.fingerprint();
    expect((await machine.run('insider', own)).code).toBe(205);
    expect(machine.fingerprint()).toBe(before);
    await machine.run('direct', own);
    expect(machine.fingerprint()).not.toBe(before);
  });
});

describe('a channel', () => {
  it.each([
    ['a second command on it', ['exec', 'exec']],
    ['a shell behind its command', ['exec', 'shell']],
    ['a subsystem behind its command', ['exec', 'subsystem']],
  ])('runs what was judged and no more: %s', async (_, [, second]) => {
    const client = await machine.client('insider');
    const file = join(machine.dir, 'private', 'made');
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.exec('sleep 1; cat', (error, opened) => (error === undefined ? resolve(opened) : reject(error))),
    );
    // ssh2 keeps its clients from asking twice, so the request is written past it.
    const raw = channel as unknown as {
      outgoing: { id: number };
      _client: { _protocol: Record<string, (...args: readonly unknown[]) => void> };
    };
    const protocol = raw._client._protocol;
    if (second === 'exec') protocol['exec']?.(raw.outgoing.id, `touch ${file}`, false);
    else if (second === 'shell') protocol['shell']?.(raw.outgoing.id, false);
    else protocol['subsystem']?.(raw.outgoing.id, 'sftp', false);
    channel.end(`touch ${file}\n`);
    let said = '';
    channel.on('data', (piece: Buffer) => (said += piece.toString()));
    await once(channel, 'close');
    // The command got its input as text; nothing else read it.
    expect(said).toBe(`touch ${file}\n`);
    expect(existsSync(file)).toBe(false);
    client.end();
  });

  it.each(['/usr/lib/openssh/sftp-server', 'exec /usr/lib/openssh/sftp-server', 'internal-sftp'])(
    'does not get files by a service that comes as a command: %s',
    async (command) => {
      const client = await machine.client('insider');
      const init = Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]);
      const answer = (opened: Client): Promise<string> =>
        new Promise((resolve, reject) =>
          opened.exec(command, (error, channel) => {
            if (error !== undefined) return reject(error);
            let bytes = Buffer.alloc(0);
            channel.on('data', (piece: Buffer) => {
              bytes = Buffer.concat([bytes, piece]);
              if (bytes.length >= 9) channel.close();
            });
            channel.once('close', () => resolve(bytes.toString('hex')));
            channel.write(init);
          }),
        );
      if (command !== 'internal-sftp') {
        const past = await machine.client('direct');
        expect((await answer(past)).slice(8, 18)).toBe('0200000003');
        past.end();
      }
      expect(await answer(client)).toBe('');
      client.end();
    },
  );
});

type FileAttack = (sftp: SFTPWrapper, at: (path: string) => string) => Promise<unknown>;
const asked = (work: (done: (error?: unknown, value?: unknown) => void) => unknown): Promise<unknown> =>
  new Promise((resolve) => work((error, value) => resolve(error ?? value)));
async function write(sftp: SFTPWrapper, path: string): Promise<unknown> {
  return asked((done) => sftp.writeFile(path, 'owned', done));
}
async function read(sftp: SFTPWrapper, path: string): Promise<unknown> {
  return asked((done) => sftp.readFile(path, 'utf8', done));
}

const fileAttacks: readonly (readonly [string, FileAttack])[] = [
  ['writing beside the folder', (sftp, at) => write(sftp, at('private/new'))],
  ['writing over', (sftp, at) => write(sftp, at('private/list'))],
  ['writing through ..', (sftp, at) => write(sftp, at('pub/../private/new'))],
  ['writing through . and //', (sftp, at) => write(sftp, at('pub//./..//private/./new'))],
  ['writing through a link', (sftp, at) => write(sftp, at('pub/inside/new'))],
  ['writing through a link and ..', (sftp, at) => write(sftp, at('pub/inside/../private/new'))],
  ['making a file at the end of a link', (sftp, at) => write(sftp, at('pub/dangling'))],
  ['writing by way of /proc', (sftp, at) => write(sftp, `/proc/self/root${at('private/new')}`)],
  ['renaming onto', (sftp, at) => asked((done) => sftp.rename(at('pub/notes'), at('private/new'), done))],
  ['renaming over', (sftp, at) => asked((done) => sftp.ext_openssh_rename(at('pub/notes'), at('private/list'), done))],
  ['renaming out', (sftp, at) => asked((done) => sftp.rename(at('private/list'), at('pub/mine'), done))],
  [
    'renaming out through a link',
    (sftp, at) => asked((done) => sftp.rename(at('pub/inside/list'), at('pub/mine'), done)),
  ],
  ['a hard link in', (sftp, at) => asked((done) => sftp.ext_openssh_hardlink(at('private/key'), at('pub/mine'), done))],
  [
    'a hard link through a link',
    (sftp, at) => asked((done) => sftp.ext_openssh_hardlink(at('pub/inside/key'), at('pub/mine'), done)),
  ],
  ['a link in', (sftp, at) => asked((done) => sftp.symlink(at('private'), at('pub/mine'), done))],
  ['a link in by way of another', (sftp, at) => asked((done) => sftp.symlink(at('pub/inside'), at('pub/mine'), done))],
  ['a relative link in', (sftp, at) => asked((done) => sftp.symlink('../private', at('pub/mine'), done))],
  ['a link out', (sftp, at) => asked((done) => sftp.symlink(at('pub/notes'), at('private/new'), done))],
  ['removing', (sftp, at) => asked((done) => sftp.unlink(at('pub/inside/list'), done))],
  ['removing by ..', (sftp, at) => asked((done) => sftp.unlink(at('pub/../private/list'), done))],
  ['making a folder', (sftp, at) => asked((done) => sftp.mkdir(at('pub/inside/new'), done))],
  ['emptying', (sftp, at) => asked((done) => sftp.setstat(at('pub/inside/list'), { size: 0 }, done))],
  ['changing a mode', (sftp, at) => asked((done) => sftp.chmod(at('pub/../private/key'), 0o777, done))],
];

const readAttacks: readonly (readonly [string, FileAttack])[] = [
  ['by its path', (sftp, at) => read(sftp, at('private/key'))],
  ['through a link', (sftp, at) => read(sftp, at('pub/inside/key'))],
  ['through ..', (sftp, at) => read(sftp, at('pub/./../private/key'))],
  ['by way of /proc', (sftp, at) => read(sftp, `/proc/self/root${at('private/key')}`)],
  [
    'by a handle that was opened for something else',
    async (sftp, at) => {
      const handle = (await asked((done) => sftp.open(at('pub/notes'), 'r+', done))) as Buffer;
      await asked((done) => sftp.open(at('private/key'), 'r', done));
      const guesses = [0, 1, 2, 3].map((number) => Buffer.from([0, 0, 0, number]));
      const found: string[] = [];
      for (const guess of guesses.filter((one) => !one.equals(handle))) {
        const into = Buffer.alloc(100);
        await asked((done) => sftp.read(guess, into, 0, 100, 0, done));
        found.push(into.toString());
      }
      return found.join();
    },
  ],
];

describe('a file that an insider may not touch', () => {
  async function attack(way: Way, by: FileAttack): Promise<unknown> {
    const client = await machine.client(way);
    const sftp = await new Promise<SFTPWrapper>((resolve, reject) =>
      client.sftp((error, opened) => (error === undefined ? resolve(opened) : reject(error))),
    );
    const answer = await by(sftp, (path) => join(machine.dir, '/').concat(path));
    client.end();
    return answer;
  }

  it.each(fileAttacks)('stays as it is: %s', async (_, by) => {
    const before = machine.fingerprint();
    await attack('direct', by);
    expect(machine.fingerprint(), 'the control changes nothing').not.toBe(before);
    machine.restore();
    await attack('insider', by);
    expect(machine.fingerprint()).toBe(before);
  });

  it.each(readAttacks)('is not read: %s', async (name, by) => {
    if (!name.startsWith('by a handle')) expect(String(await attack('direct', by))).toContain(machine.secret);
    expect(String(await attack('insider', by))).not.toContain(machine.secret);
  });

  it('is not in the way of one’s own', async () => {
    await attack('insider', (sftp, at) => write(sftp, at('pub/mine')));
    expect(readFileSync(join(machine.dir, 'pub', 'mine'), 'utf8')).toBe('owned');
    expect(await attack('insider', (sftp, at) => read(sftp, at('pub/mine')))).toBe('owned');
    await attack('insider', (sftp, at) => asked((done) => sftp.rename(at('pub/mine'), at('pub/yours'), done)));
    expect(existsSync(join(machine.dir, 'pub', 'yours'))).toBe(true);
  });
});

describe('a place behind the machine', () => {
  const places: readonly string[] = [
    '127.0.0.1',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0',
    '::1',
    '::ffff:127.0.0.1',
  ];

  function reach(client: Client, host: string, port: number): Promise<string> {
    return new Promise((resolve) =>
      client.forwardOut('127.0.0.1', 1, host, port, (error, stream) => {
        if (error !== undefined) return resolve('refused');
        let said = '';
        stream.on('data', (piece: Buffer) => (said += piece.toString()));
        stream.once('end', () => stream.end());
        stream.once('close', () => resolve(said));
      }),
    );
  }

  it('is reached where policy names it', async () => {
    const client = await machine.client('insider');
    expect(await reach(client, '127.0.0.1', portOf(permitted))).toBe('permitted');
    client.end();
  });

  it.each(places)('is not reached by another name or port: %s', async (host) => {
    const [past, client] = [await machine.client('direct'), await machine.client('insider')];
    expect(await reach(past, host, portOf(forbidden))).toBe('forbidden');
    const before = heard;
    expect(await reach(client, host, portOf(forbidden))).toBe('refused');
    // A name that only resolves to what is permitted is not what policy named.
    if (host !== '127.0.0.1') expect(await reach(client, host, portOf(permitted))).toBe('refused');
    // Ports are 16 bits: one that wraps is none.
    expect(await reach(client, '127.0.0.1', portOf(permitted) + 65_536)).toBe('refused');
    expect(heard).toBe(before);
    past.end();
    client.end();
  });

  it('is not reached the other way round, by a socket of the machine’s, nor by an agent', async () => {
    const client = await machine.client('insider');
    const listened = await new Promise((resolve) => client.forwardIn('127.0.0.1', 0, (error) => resolve(error)));
    expect(listened).toBeInstanceOf(Error);
    const socket = await new Promise((resolve) => client.openssh_forwardOutStreamLocal('/run/any.sock', resolve));
    expect(socket).toBeInstanceOf(Error);
    client.end();
    const past = await machine.client('direct');
    expect(await new Promise((resolve) => past.forwardIn('127.0.0.1', 0, (error) => resolve(error)))).toBe(undefined);
    past.end();
  });
});
