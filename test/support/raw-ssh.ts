import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { connect as dial, type Socket } from 'node:net';

/** Message numbers (RFC 4250, section 4.1.2). */
export const message = {
  disconnect: 1,
  ignore: 2,
  serviceRequest: 5,
  kexInit: 20,
  newKeys: 21,
  kexEcdhInit: 30,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  userauthPkOk: 60,
  globalRequest: 80,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  windowAdjust: 93,
  channelData: 94,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const;

export interface RawSshOptions {
  /** Announces strict key exchange; true unless told. */
  readonly strict?: boolean;
  /** Payloads sent before the first KEXINIT, behind it, and before NEWKEYS. */
  readonly beforeInit?: readonly Buffer[];
  readonly afterInit?: readonly Buffer[];
  readonly beforeNewKeys?: readonly Buffer[];
  /** Does not start counting anew with the new keys, as strict key exchange wants. */
  readonly keepsCounting?: boolean;
}

interface Direction {
  readonly crypt: { update(bytes: Buffer): Buffer };
  readonly macKey: Buffer;
}

const version = 'SSH-2.0-raw';
const macName = 'hmac-sha2-256-etm@openssh.com';
const macBytes = 32;

/**
 * An SSH client of bytes, for what no honest client does. curve25519-sha256, aes128-ctr, hmac-sha2-256-etm, whose MACs
 * hold sequence numbers. It does not look at the server's signature: whom it talks to is known.
 */
export class RawSsh {
  readonly #socket: Socket;
  readonly #options: RawSshOptions;
  readonly #payloads: Buffer[] = [];
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #out: Direction | null = null;
  #in: Direction | null = null;
  #outSequence = 0;
  #inSequence = 0;
  #serverVersion = '';
  sessionId: Buffer = Buffer.alloc(0);
  isClosed = false;

  private constructor(socket: Socket, options: RawSshOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (piece: Buffer) => this.#take(piece));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** Connects and says who it is; nothing has been exchanged. */
  static async open(port: number, options: RawSshOptions = {}): Promise<RawSsh> {
    const socket = dial(port, '127.0.0.1');
    const client = new RawSsh(socket, options);
    socket.write(`${version}\r\n`);
    while (client.#serverVersion === '' && !client.isClosed) await client.#more();
    return client;
  }

  /** The same with keys exchanged. */
  static async connect(port: number, options: RawSshOptions = {}): Promise<RawSsh> {
    const client = await RawSsh.open(port, options);
    await client.exchangeKeys();
    return client;
  }

  /** The same, logged in over a tunnel that has proved who is there, with a session channel that nothing runs on. */
  static async login(port: number, options: RawSshOptions = {}): Promise<RawSsh> {
    const client = await RawSsh.connect(port, options);
    client.send(payload(message.serviceRequest, text('ssh-userauth')));
    client.send(payload(message.userauthRequest, text('anyone'), text('ssh-connection'), text('none')));
    await client.until(message.userauthSuccess);
    return client;
  }

  get isGone(): boolean {
    return this.isClosed;
  }

  /** Begins a key exchange, the first or another one, and waits for the new keys. False when the server ends it. */
  async exchangeKeys(): Promise<boolean> {
    const isFirst = this.#out === null;
    if (isFirst) for (const each of this.#options.beforeInit ?? []) this.send(each);
    const init = kexInit(this.#options.strict !== false);
    this.send(init);
    if (isFirst) for (const each of this.#options.afterInit ?? []) this.send(each);
    const pair = generateKeyPairSync('x25519');
    const own = rawKey(pair.publicKey);
    this.send(payload(message.kexEcdhInit, text(own)));
    const theirInit = await this.until(message.kexInit);
    const reply = await this.until(31);
    if (theirInit === null || reply === null) return false;
    const [hostKey, theirs] = stringsIn(reply.subarray(1));
    if (hostKey === undefined || theirs === undefined) throw new Error('no key in the answer');
    const secret = mpint(diffieHellman({ privateKey: pair.privateKey, publicKey: x25519(theirs) }));
    const hash = createHash('sha256')
      .update(Buffer.concat([text(version), text(this.#serverVersion), text(init), text(theirInit)]))
      .update(Buffer.concat([text(hostKey), text(own), text(theirs), secret]))
      .digest();
    if (isFirst) this.sessionId = hash;
    const derive = (letter: string, length: number): Buffer =>
      createHash('sha256')
        .update(Buffer.concat([secret, hash, Buffer.from(letter), this.sessionId]))
        .digest()
        .subarray(0, length);
    if (isFirst) for (const each of this.#options.beforeNewKeys ?? []) this.send(each);
    this.send(payload(message.newKeys));
    this.#out = { crypt: createCipheriv('aes-128-ctr', derive('C', 16), derive('A', 16)), macKey: derive('E', 32) };
    if (this.#isStrict && this.#options.keepsCounting !== true) this.#outSequence = 0;
    const newKeys = await this.until(message.newKeys);
    if (newKeys === null) return false;
    this.#in = { crypt: createDecipheriv('aes-128-ctr', derive('D', 16), derive('B', 16)), macKey: derive('F', 32) };
    if (this.#isStrict) this.#inSequence = 0;
    this.#read();
    return true;
  }

  /** Begins another key exchange and leaves it there. */
  beginKeys(): void {
    this.send(kexInit(this.#options.strict !== false));
  }

  /** Sends payloads, one a packet. */
  send(...payloads: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(payloads.map((each) => this.seal(each))));
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** A packet with the next sequence number; `length` may lie. */
  seal(content: Buffer, length?: number): Buffer {
    const block = this.#out === null ? 8 : 16;
    const counted = this.#out === null ? 5 : 1;
    let padding = block - ((counted + content.length) % block);
    if (padding < 4) padding += block;
    const head = uint32(length ?? 1 + content.length + padding);
    const body = Buffer.concat([Buffer.from([padding]), content, randomBytes(padding)]);
    const sequence = this.#outSequence++;
    if (this.#out === null) return Buffer.concat([head, body]);
    const sealed = this.#out.crypt.update(body);
    const mac = createHmac('sha256', this.#out.macKey).update(uint32(sequence)).update(head).update(sealed).digest();
    return Buffer.concat([head, sealed, mac]);
  }

  /** Stops and goes on reading what the server sends. */
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.destroy();
  }

  /** The next payload; null when the server has ended the connection. */
  async next(): Promise<Buffer | null> {
    for (;;) {
      const [first] = this.#payloads;
      if (first !== undefined) {
        this.#payloads.shift();
        return first;
      }
      if (this.isClosed) return null;
      await this.#more();
    }
  }

  /** The next payload of one of these kinds, others dropped; null when the connection ends before. */
  async until(...kinds: readonly number[]): Promise<Buffer | null> {
    for (;;) {
      const found = await this.next();
      if (found === null || kinds.includes(found[0] ?? 0)) return found;
    }
  }

  /** Everything until the connection ends, what is said at its end too. */
  async rest(): Promise<readonly Buffer[]> {
    const all: Buffer[] = [];
    for (let found = await this.next(); found !== null; found = await this.next()) all.push(found);
    return all;
  }

  get #isStrict(): boolean {
    return this.#options.strict !== false;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #take(piece: Buffer): void {
    this.#received = Buffer.concat([this.#received, piece]);
    if (this.#serverVersion === '') {
      const end = this.#received.indexOf('\r\n');
      if (end < 0) return;
      this.#serverVersion = this.#received.subarray(0, end).toString('latin1');
      this.#received = this.#received.subarray(end + 2);
    }
    this.#read();
  }

  #read(): void {
    for (;;) {
      const mac = this.#in === null ? 0 : macBytes;
      if (this.#received.length < 4) break;
      const length = this.#received.readUInt32BE();
      if (this.#received.length < 4 + length + mac) break;
      const sealed = this.#received.subarray(4, 4 + length);
      if (this.#in !== null) {
        const expected = createHmac('sha256', this.#in.macKey)
          .update(uint32(this.#inSequence))
          .update(this.#received.subarray(0, 4 + length))
          .digest();
        if (!expected.equals(this.#received.subarray(4 + length, 4 + length + mac)))
          throw new Error('the server’s MAC is wrong');
      }
      const body = this.#in === null ? sealed : this.#in.crypt.update(Buffer.from(sealed));
      this.#inSequence++;
      this.#received = this.#received.subarray(4 + length + mac);
      const found = Buffer.from(body.subarray(1, length - (body[0] ?? 0)));
      this.#payloads.push(found);
      // What comes behind is under other keys, which are made elsewhere.
      if (found[0] === message.newKeys) break;
    }
    this.#wake();
  }
}

/** Opens a session channel; `maxPacket` and `window` are what the server may send. */
export function openSession(channel = 0, window = 0x200000, maxPacket = 0x8000): Buffer {
  return payload(message.channelOpen, text('session'), uint32(channel), uint32(window), uint32(maxPacket));
}

export function channelRequest(channel: number, kind: string, ...fields: readonly Buffer[]): Buffer {
  return payload(message.channelRequest, uint32(channel), text(kind), Buffer.from([1]), ...fields);
}

export function channelData(channel: number, data: Buffer | string): Buffer {
  return payload(message.channelData, uint32(channel), text(data));
}

export function payload(kind: number, ...fields: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([kind]), ...fields]);
}

/** uint32 length and the bytes. */
export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** What a DISCONNECT says. */
export function disconnectWords(found: Buffer): string {
  return (stringsIn(found.subarray(5))[0] ?? Buffer.alloc(0)).toString('utf8');
}

function kexInit(isStrict: boolean): Buffer {
  const lists = [
    `curve25519-sha256${isStrict ? ',kex-strict-c-v00@openssh.com' : ''}`,
    'ssh-ed25519',
    ...['aes128-ctr', 'aes128-ctr'],
    ...[macName, macName],
    ...['none', 'none', '', ''],
  ];
  return payload(message.kexInit, randomBytes(16), ...lists.map((list) => text(list)), Buffer.alloc(5));
}

function stringsIn(bytes: Buffer): readonly Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    all.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return all;
}

function mpint(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  return text((trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed);
}

function rawKey(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' }).subarray(-32);
}

function x25519(raw: Buffer): KeyObject {
  const x = raw.toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
}
