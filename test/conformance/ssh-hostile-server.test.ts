import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newHostKey, readHostKey } from '../../src/protocols/ssh/host-key.js';
import { message, payload, text, uint32 } from '../support/raw-ssh.js';
import { startSshLab, type SshLab } from '../support/ssh-lab.js';

const hostKey = readHostKey(newHostKey());
/** What the server does next: with a connection, and with a program that was asked for. */
let onSocket: (socket: Socket) => void = () => undefined;
let onReady: (client: Connection) => void = () => undefined;
/** Whatever it says to a program that was asked for comes in one piece. */
let answersAtOnce = false;
let onExec: (channel: ServerChannel, client: Connection) => void = (channel) => leave(channel);

let raw: Server;
let polite: ssh2.Server;
let lab: SshLab;
const sockets = new Set<Socket>();
const clients = new Set<Connection>();

beforeAll(async () => {
  raw = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  // Speaks SSH well enough to be let in, and then does what no sshd does.
  polite = new ssh2.Server({ hostKeys: [hostKey.privateKey] }, (client) => {
    clients.add(client);
    client.on('error', () => undefined);
    client.once('close', () => clients.delete(client));
    client.on('authentication', (context) => context.accept());
    client.on('ready', () => onReady(client));
    client.on('session', (accept) => {
      const session = accept();
      session.on('env', (yes) => yes?.());
      session.on('exec', (yes) => {
        const socket = Reflect.get(client, '_sock') as Socket;
        if (answersAtOnce) socket.cork();
        onExec(yes(), client);
        socket.uncork();
      });
    });
  });
  await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => polite.listen(0, '127.0.0.1', resolve));
  const target = (name: string, port: number): string =>
    `  - { name: ${name}, kind: ssh, address: "127.0.0.1:${port}", username: u, hostKey: "${hostKey.publicKey}", labels: {}, secret: "vault:hostile" }\n`;
  lab = await startSshLab({
    moreTargets:
      target('raw', (raw.address() as AddressInfo).port) + target('hostile', (polite.address() as AddressInfo).port),
  });
  await lab.gateway.gateway.setSecret('hostile', 'the secret of that machine');
});
afterAll(async () => {
  await lab.stop();
  for (const socket of sockets) socket.destroy();
  for (const client of clients) client.end();
  raw.close();
  polite.close();
});

function leave(channel: ServerChannel, code = 0): void {
  channel.exit(code);
  channel.end();
}

/** Others are still served. */
async function staysUp(): Promise<void> {
  expect(await lab.ssh('echo alive')).toMatchObject({ code: 0, stdout: 'alive\n' });
}

/** ssh2's own way to send a packet, for what its methods do not. */
function send(client: Connection, body: Buffer): void {
  const protocol = Reflect.get(client, '_protocol') as object;
  const cipher = Reflect.get(protocol, '_cipher') as { allocPacket(n: number): Buffer; encrypt(p: Buffer): void };
  const packet = cipher.allocPacket(body.length);
  packet.set(body, 5);
  cipher.encrypt(packet);
}

const packet = (content: Buffer, length = 1 + content.length + 4): Buffer =>
  Buffer.concat([uint32(length), Buffer.from([4]), content, Buffer.alloc(4)]);
/** The same in every run. */
const noise = (bytes: number): Buffer => createHash('shake256', { outputLength: bytes }).update('noise').digest();
const version = Buffer.from('SSH-2.0-hostile\r\n');

describe('a server that is none', () => {
  it.each<[string, Buffer]>([
    ['random bytes', noise(100_000)],
    ['a version of before', Buffer.from('SSH-1.5-old\r\n')],
    ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n<html></html>')],
    ['a length beyond all', Buffer.concat([version, packet(Buffer.from([20]), 0xffff_ffff)])],
    ['a length of nothing', Buffer.concat([version, packet(Buffer.from([20]), 0)])],
    ['padding beyond its packet', Buffer.concat([version, uint32(12), Buffer.from([255]), Buffer.alloc(40)])],
    [
      'names that are longer than their packet',
      Buffer.concat([version, packet(payload(20, Buffer.alloc(16), uint32(0xffff_fff0)))]),
    ],
    [
      'no algorithm of ours',
      Buffer.concat([
        version,
        packet(payload(20, noise(16), ...Array.from({ length: 10 }, () => text('none')), Buffer.alloc(5))),
      ]),
    ],
    ['new keys before any', Buffer.concat([version, packet(payload(message.newKeys))])],
    ['a success of a login before any', Buffer.concat([version, packet(payload(message.userauthSuccess))])],
  ])('is told from one: %s', async (_, bytes) => {
    onSocket = (socket) => socket.end(bytes);
    const ended = await lab.sshTo(['raw', 'echo never']);
    expect(ended).toMatchObject({ code: 212, stdout: '' });
    expect(ended.stderr).toContain('sluice: network: cannot reach raw');
    await staysUp();
  });

  it.each<[string, string]>([
    ['lines before its version without end', `${'x'.repeat(1000)}\r\n`],
    ['one line without end', 'x'.repeat(1000)],
  ])('is left when it sends %s', async (_, piece) => {
    let sent = 0;
    const before = process.memoryUsage().rss;
    onSocket = (socket) => {
      const go = (): void => {
        while (!socket.destroyed && socket.write(piece.repeat(64))) sent += piece.length * 64;
        if (!socket.destroyed) socket.once('drain', () => setImmediate(go));
      };
      go();
    };
    const ended = await lab.sshTo(['raw', 'echo never']);
    expect(ended).toMatchObject({ code: 212, stdout: '' });
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000);
    expect(sent).toBeGreaterThan(0);
    await staysUp();
  });
});

describe('a server that is let in', () => {
  it('opens no channel at the gateway: not of connections, X11 or an agent, not once and not by the thousand', async () => {
    const answers: number[] = [];
    onReady = (client) => {
      const kinds = [
        payload(message.channelOpen, text('auth-agent@openssh.com'), uint32(100), uint32(65_536), uint32(32_768)),
        payload(
          message.channelOpen,
          text('x11'),
          uint32(101),
          uint32(65_536),
          uint32(32_768),
          text('127.0.0.1'),
          uint32(1),
        ),
        payload(message.channelOpen, text('session'), uint32(102), uint32(65_536), uint32(32_768)),
        payload(
          ...([message.channelOpen, text('direct-tcpip'), uint32(103), uint32(65_536), uint32(32_768)] as const),
          ...[text('127.0.0.1'), uint32(lab.sshd.port), text('127.0.0.1'), uint32(1)],
        ),
      ];
      const protocol = Reflect.get(client, '_protocol') as object;
      const handlers = Reflect.get(protocol, '_handlers') as Record<string, (...given: unknown[]) => void>;
      handlers['CHANNEL_OPEN_CONFIRMATION'] = () => void answers.push(message.channelOpenConfirmation);
      handlers['CHANNEL_OPEN_FAILURE'] = () => void answers.push(message.channelOpenFailure);
      for (let round = 0; round < 500; round++) for (const each of kinds) send(client, each);
      for (let port = 1; port <= 500; port++)
        send(
          client,
          payload(
            ...([
              message.channelOpen,
              text('forwarded-tcpip'),
              uint32(200 + port),
              uint32(65_536),
              uint32(32_768),
            ] as const),
            ...[text('127.0.0.1'), uint32(port), text('127.0.0.1'), uint32(1)],
          ),
        );
    };
    onExec = (channel) => {
      channel.write('said\n');
      leave(channel, 3);
    };
    const ended = await lab.sshTo(['hostile', 'anything']);
    onReady = () => undefined;
    expect(ended).toMatchObject({ code: 3, stdout: 'said\n' });
    await expect.poll(() => answers.length, { timeout: 60_000 }).toBeGreaterThan(0);
    expect(answers).not.toContain(message.channelOpenConfirmation);
    await staysUp();
  });

  it.each<[string, (client: Connection) => void]>([
    [
      'data for a channel that is not open',
      (client) => send(client, payload(message.channelData, uint32(77), text('x'))),
    ],
    ['an end of a channel that is not open', (client) => send(client, payload(message.channelClose, uint32(77)))],
    [
      'a packet whose string is longer than it',
      (client) => send(client, payload(message.channelData, uint32(0), uint32(0xffff_fff0))),
    ],
    ['a message that nobody knows', (client) => send(client, payload(250, text('x')))],
    [
      'a request of everything, by the thousand',
      (client) => {
        for (let each = 0; each < 5_000; each++)
          send(client, payload(message.globalRequest, text('x@y'), Buffer.from([1])));
      },
    ],
    ['another login', (client) => send(client, payload(message.userauthSuccess))],
  ])('ends itself at most: %s', async (_, act) => {
    onExec = (channel, client) => {
      act(client);
      channel.write('said\n');
      leave(channel, 4);
    };
    const ended = await lab.sshTo(['hostile', 'anything']);
    // Passed over or the end of this session, in the gateway's words; never anybody else's.
    if (ended.code === 4) expect(ended.stdout).toBe('said\n');
    else
      expect([ended.code, ended.stderr]).toEqual([
        expect.toSatisfy((code) => code > 200),
        expect.stringContaining('sluice: '),
      ]);
    await staysUp();
  });

  it('is believed how a program ended that was over before anybody heard that it had begun', async () => {
    onReady = () => undefined;
    answersAtOnce = true;
    onExec = (channel) => {
      channel.write('quick\n');
      leave(channel, 7);
    };
    expect(await lab.sshTo(['hostile', 'quick'])).toMatchObject({ code: 7, stdout: 'quick\n' });
    answersAtOnce = false;
  });

  it('does not fill the memory with more than its window, while the person does not read', async () => {
    const much = 400_000_000;
    const piece = Buffer.alloc(32_000, 'x');
    let sent = 0;
    let isOver: () => void = () => undefined;
    const over = new Promise<void>((resolve) => (isOver = resolve));
    onExec = (channel, client) => {
      const socket = Reflect.get(client, '_sock') as Socket;
      const outgoing = Reflect.get(channel, 'outgoing') as { id: number };
      socket.once('close', () => isOver());
      const go = (): void => {
        for (; sent < much && !socket.destroyed; sent += piece.length) {
          send(client, payload(message.channelData, uint32(outgoing.id), text(piece)));
          if (socket.writableNeedDrain) return void socket.once('drain', () => setImmediate(go));
        }
        isOver();
      };
      go();
    };
    const before = process.memoryUsage().rss;
    const stopped = lab.run('sh', ['-c', `ssh -F ${lab.config} hostile anything | { sleep 8; cat >/dev/null; }`]);
    await over;
    expect(sent).toBeLessThan(much / 2);
    expect(process.memoryUsage().rss - before).toBeLessThan(much / 2);
    await staysUp();
    await stopped;
    // Who does not read cannot be told; the record is.
    const [session] = await lab.sessions('hostile');
    const errors = (await lab.events(session?.id ?? '')).filter(({ type }) => type === 'error');
    expect(errors).toMatchObject([{ message: expect.stringContaining('sent more than it may') as unknown }]);
  });
});
