import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  channelData,
  channelRequest,
  disconnectWords,
  message,
  openSession,
  payload,
  RawSsh,
  text,
  uint32,
  type RawSshOptions,
} from '../support/raw-ssh.js';
import { openDoor, startSshLab, type SshLab } from '../support/ssh-lab.js';

let lab: SshLab;
let door: Awaited<ReturnType<typeof openDoor>>;
beforeAll(async () => {
  lab = await startSshLab();
  door = await openDoor(lab.gateway, 'engineer');
});
afterAll(async () => {
  await door.close();
  await lab.stop();
});

const ignore = payload(message.ignore, text('noise'));
const loginPort = (): number => lab.gateway.gateway.sshPort ?? 0;

/** Others are still served. */
async function staysUp(): Promise<void> {
  expect(await lab.ssh('echo alive')).toMatchObject({ code: 0, stdout: 'alive\n' });
}

/** Runs a command on a channel that is open; what it said and its exit status. */
async function outcome(client: RawSsh, command: string): Promise<string> {
  client.send(openSession(7));
  const opened = await client.until(message.channelOpenConfirmation, message.channelOpenFailure);
  if (opened?.[0] !== message.channelOpenConfirmation) return 'refused';
  client.send(channelRequest(opened.readUInt32BE(5), 'exec', text(command)));
  let said = '';
  for (;;) {
    const found = await client.until(message.channelData, message.channelRequest, message.channelClose);
    if (found === null) return `gone: ${said}`;
    if (found[0] === message.channelData) said += found.subarray(9).toString('utf8');
    else if (found[0] === message.channelClose) return said;
  }
}

describe('the raw client itself', () => {
  it.each([true, false])('is served when it behaves, strict key exchange or not: %s', async (strict) => {
    const client = await RawSsh.login(door.port, { strict });
    expect(await outcome(client, 'echo served')).toBe('served\n');
    client.end();
  });
});

describe('the key exchange', () => {
  it.each<[string, RawSshOptions]>([
    ['a message before it, under strict key exchange', { beforeInit: [ignore] }],
    ['a message in it, under strict key exchange', { afterInit: [ignore] }],
    ['a message at its end, under strict key exchange', { beforeNewKeys: [ignore] }],
    ['a login in it', { strict: false, afterInit: [loginRequest('none')] }],
    ['a channel in it', { strict: false, afterInit: [openSession()] }],
    ['a second beginning in it', { strict: false, afterInit: [payload(message.kexInit, Buffer.alloc(60))] }],
    ['its end at its beginning', { strict: false, afterInit: [payload(message.newKeys)] }],
    ['a key of no length', { strict: false, afterInit: [payload(message.kexEcdhInit, text(''))] }],
    ['a key of zeros', { strict: false, afterInit: [payload(message.kexEcdhInit, text(Buffer.alloc(32)))] }],
  ])('ends with %s', async (_, options) => {
    const client = await RawSsh.open(loginPort(), options);
    // The server's last word of the exchange may come before it has read what is wrong.
    await client.exchangeKeys();
    expect((await client.rest()).map(([kind]) => kind)).not.toContain(6);
    expect(client.isGone).toBe(true);
    await staysUp();
  });

  it('counts anew with new keys where both sides are strict (Terrapin)', async () => {
    const client = await RawSsh.connect(loginPort(), { keepsCounting: true });
    client.send(payload(message.serviceRequest, text('ssh-userauth')));
    expect((await client.rest()).map(([kind]) => kind)).not.toContain(6);
  });

  it('may be begun again in the middle of output and of input', async () => {
    const client = await RawSsh.login(door.port);
    client.send(openSession(1, 0xffff_ffff));
    const opened = await client.until(message.channelOpenConfirmation);
    const channel = opened?.readUInt32BE(5) ?? 0;
    client.send(
      channelRequest(channel, 'exec', text('head -c 300000; head -c 3000000 /dev/zero; echo; sleep 0.1; echo end')),
    );
    await client.until(message.channelSuccess);
    for (let round = 0; round < 3; round++) {
      client.send(channelData(channel, 'x'.repeat(30_000)), channelData(channel, 'y'.repeat(30_000)));
      expect(await client.exchangeKeys()).toBe(true);
    }
    client.send(...Array.from({ length: 4 }, () => channelData(channel, 'z'.repeat(30_000))));
    let said = '';
    for (;;) {
      const found = await client.until(message.channelData, message.channelClose);
      if (found?.[0] !== message.channelData) break;
      said += found.subarray(9).toString('latin1');
    }
    expect(said.slice(-5)).toBe('\nend\n');
    client.end();
  });
});

function loginRequest(method: string, ...fields: readonly Buffer[]): Buffer {
  return payload(message.userauthRequest, text('web-1'), text('ssh-connection'), text(method), ...fields);
}

describe('before the login', () => {
  it.each<[string, readonly Buffer[]]>([
    ['a channel', [openSession()]],
    ['data for a channel', [channelData(0, 'x')]],
    ['a request of a channel', [channelRequest(0, 'exec', text('id'))]],
    ['a login without the service', [loginRequest('none')]],
    ['another service', [payload(message.serviceRequest, text('ssh-connection'))]],
    ['none', [payload(message.serviceRequest, text('ssh-userauth')), loginRequest('none')]],
    [
      'an empty password',
      [payload(message.serviceRequest, text('ssh-userauth')), loginRequest('password', Buffer.from([0]), text(''))],
    ],
    [
      'host-based login',
      [
        payload(message.serviceRequest, text('ssh-userauth')),
        loginRequest('hostbased', text('ssh-ed25519'), text('x'), text('h'), text('u'), text('s')),
      ],
    ],
    ['the answer to a login', [payload(message.userauthSuccess)]],
  ])('%s opens nothing', async (_, payloads) => {
    const client = await RawSsh.connect(loginPort());
    client.send(...payloads, openSession(3), channelRequest(0, 'exec', text('echo in')));
    const found = await client.until(
      message.channelOpenConfirmation,
      message.userauthSuccess,
      message.channelOpenFailure,
    );
    expect([undefined, message.channelOpenFailure]).toContain(found?.[0]);
    client.end();
    await staysUp();
  });
});

describe('packets', () => {
  it.each<[string, (client: RawSsh) => Buffer]>([
    ['of no length', (client) => client.seal(ignore, 0)],
    ['longer than they say', (client) => client.seal(ignore, 5)],
    ['of nearly 4 GiB', (client) => client.seal(ignore, 0xffff_fff0)],
    ['with nothing but padding', (client) => client.seal(Buffer.alloc(0), 4)],
    ['with another MAC', (client) => Buffer.concat([client.seal(ignore).subarray(0, -1), Buffer.from([0])])],
  ])('%s end the connection', async (_, packet) => {
    const client = await RawSsh.login(door.port);
    client.sendBytes(packet(client));
    await client.rest();
    expect(client.isGone).toBe(true);
    await staysUp();
  });

  it.each([
    ['a channel’s opening', message.channelOpen],
    ['data', message.channelData],
    ['a window', message.windowAdjust],
    ['a request', message.channelRequest],
    ['a global request', message.globalRequest],
    ['a login', message.userauthRequest],
  ])('that end in the middle of %s end the connection or nothing', async (_, kind) => {
    const client = await RawSsh.login(door.port);
    client.send(payload(kind, Buffer.from([0, 0])));
    client.send(payload(kind, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])));
    client.send(payload(message.globalRequest, text('keepalive@openssh.com'), Buffer.from([1])));
    expect([undefined, 82]).toContain((await client.until(message.channelOpenConfirmation, 81, 82))?.[0]);
    client.end();
    await staysUp();
  });

  it('that are too long are refused in words', async () => {
    const client = await RawSsh.login(door.port);
    client.send(openSession());
    const channel = (await client.until(message.channelOpenConfirmation))?.readUInt32BE(5) ?? 0;
    client.send(channelRequest(channel, 'exec', text(`echo ${'x'.repeat(200_000)}`)));
    const end = await client.until(message.disconnect);
    expect(end === null ? '' : disconnectWords(end)).toContain('sluice: ');
  });
});

describe('channels', () => {
  it('are refused above a bound, and others are served meanwhile', async () => {
    const client = await RawSsh.login(door.port);
    for (let index = 0; index < 500; index++) client.send(openSession(index));
    const answers: (number | undefined)[] = [];
    while (answers.length < 500) {
      const found = await client.until(message.channelOpenConfirmation, message.channelOpenFailure);
      if (found === null) break;
      answers.push(found[0]);
    }
    expect(answers.filter((kind) => kind === message.channelOpenConfirmation)).toHaveLength(64);
    expect(answers.filter((kind) => kind === message.channelOpenFailure)).toHaveLength(436);
    await staysUp();
    client.end();
  });

  it.each([0, 1, 31])('whose packets may have no more than %d bytes are not served', async (maxPacket) => {
    const client = await RawSsh.login(door.port);
    client.send(openSession(0, 0x200000, maxPacket));
    const opened = await client.until(message.channelOpenConfirmation, message.channelOpenFailure, message.disconnect);
    if (opened?.[0] === message.channelOpenConfirmation)
      client.send(channelRequest(opened.readUInt32BE(5), 'exec', text('echo much')));
    const found = await client.until(message.channelData, message.disconnect);
    expect(found?.[0]).not.toBe(message.channelData);
    await staysUp();
    client.end();
  });

  it('that are opened and closed again and again stay few', async () => {
    const client = await RawSsh.login(door.port);
    for (let index = 0; index < 300; index++) {
      client.send(openSession(index));
      const opened = await client.until(message.channelOpenConfirmation, message.channelOpenFailure);
      if (opened?.[0] !== message.channelOpenConfirmation) throw new Error(`channel ${index} is refused`);
      client.send(payload(message.channelClose, uint32(opened.readUInt32BE(5))));
      expect((await client.until(message.channelClose))?.readUInt32BE(1)).toBe(index);
    }
    client.end();
    await staysUp();
  });

  it.each<[string, readonly Buffer[]]>([
    ['data for a channel that is not there', [channelData(99, 'x')]],
    ['data for the last channel that there could be', [channelData(0xffff_ffff, 'x')]],
    ['data before a program', [openSession(), channelData(0, 'x'.repeat(30_000))]],
    [
      'an end before a program',
      [
        openSession(),
        payload(message.channelEof, uint32(0)),
        payload(message.channelClose, uint32(0)),
        payload(message.channelClose, uint32(0)),
      ],
    ],
    [
      'two programs on one channel',
      [openSession(), channelRequest(0, 'exec', text('true')), channelRequest(0, 'exec', text('touch /tmp/two'))],
    ],
    [
      'an answer that nobody asked for',
      [
        payload(message.channelSuccess, uint32(0)),
        payload(message.channelFailure, uint32(0)),
        payload(81),
        payload(82),
      ],
    ],
    [
      'a confirmation that nobody asked for',
      [payload(message.channelOpenConfirmation, uint32(0), uint32(0), uint32(1), uint32(1))],
    ],
    ['messages with unknown numbers', [payload(7), payload(61, text('x')), payload(192, text('x')), payload(255)]],
  ])('take %s for nothing', async (_, payloads) => {
    const client = await RawSsh.login(door.port);
    client.send(...payloads);
    client.send(payload(message.globalRequest, text('keepalive@openssh.com'), Buffer.from([1])));
    await client.until(82);
    client.end();
    await staysUp();
  });
});

describe('a client that takes nothing of what it asked for', () => {
  const much = 300_000_000;

  it.each<[string, (client: RawSsh) => void]>([
    ['does not read', (client) => client.pause()],
    ['never ends an exchange of keys', (client) => client.beginKeys()],
  ])('and %s stops the target, and is not kept in memory', async (name, stop) => {
    const file = join(lab.sshd.dir, `done-${name.replaceAll(' ', '-')}`);
    const before = process.memoryUsage().rss;
    const client = await RawSsh.login(door.port);
    client.send(openSession(0, 0xffff_ffff));
    const channel = (await client.until(message.channelOpenConfirmation))?.readUInt32BE(5) ?? 0;
    client.send(channelRequest(channel, 'exec', text(`head -c ${much} /dev/zero; touch ${file}`)));
    await client.until(message.channelData);
    stop(client);
    // The control: meanwhile all of it comes through for who reads. That takes as long as the other would need.
    const through = await lab.run('sh', ['-c', `ssh -F ${lab.config} web-1 'head -c ${much} /dev/zero' | wc -c`]);
    expect(through.stdout.trim()).toBe(String(much));
    expect(existsSync(file)).toBe(false);
    expect(process.memoryUsage().rss - before).toBeLessThan(much * 0.8);
    client.end();
  });
});
