import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { cString, frame, FrameReader, int16, int32, type Frame } from '../../src/protocols/postgres/frames.js';

/** What a peer heard on one connection: the startup packet, then every message, byte for byte. */
export interface Heard {
  readonly startup: Buffer;
  readonly messages: readonly Buffer[];
  /** Bytes behind the last whole message. */
  readonly left: number;
}

export interface PeerBehaviour {
  /** Answers the startup packet; an honest trusting server's answer when absent. */
  readonly greet?: (socket: Socket, startup: Buffer) => void;
  /** Answers the messages of a connection; the plainest honest answers when absent. */
  readonly answer?: (message: Frame, socket: Socket) => void;
  /** Called with every message before it is answered. */
  readonly onMessage?: (message: Frame, on: Heard) => void;
}

/** A server on a real socket that speaks PostgreSQL as it is told to: to record what arrives, or to lie. */
export interface Peer {
  readonly port: number;
  readonly connections: readonly Heard[];
  stop(): Promise<void>;
}

export const serverWords = {
  authenticationOk: frame('R', int32(0)),
  ready: frame('Z', Buffer.from('I')),
  status: (name: string, value: string): Buffer => frame('S', cString(name), cString(value)),
  keys: frame('K', int32(4711), int32(42)),
  complete: (tag: string): Buffer => frame('C', cString(tag)),
  row: (...values: readonly string[]): Buffer =>
    frame(
      'D',
      int16(values.length),
      ...values.flatMap((value) => [int32(Buffer.byteLength(value)), Buffer.from(value)]),
    ),
  /** Columns of type text, of no table. */
  columns: (...names: readonly string[]): Buffer =>
    frame(
      'T',
      int16(names.length),
      ...names.flatMap((name) => [cString(name), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)]),
    ),
  fields: (type: 'E' | 'N', fields: Readonly<Record<string, string>>): Buffer =>
    frame(
      type,
      ...Object.entries(fields).flatMap(([code, value]) => [Buffer.from(code), cString(value)]),
      Buffer.from([0]),
    ),
  parseComplete: frame('1'),
  bindComplete: frame('2'),
  closeComplete: frame('3'),
  noData: frame('n'),
} as const;

export const honestGreeting = Buffer.concat([
  serverWords.authenticationOk,
  serverWords.status('server_version', '15.4'),
  serverWords.status('client_encoding', 'UTF8'),
  serverWords.status('standard_conforming_strings', 'on'),
  serverWords.status('session_authorization', 'gateway'),
  serverWords.keys,
  serverWords.ready,
]);

/**
 * Answers as a server with no rows in it, in no transaction; COPY FROM STDIN is taken, and ends when the client says so. A
 * name is taken until it is closed, a portal's until Sync (PostgreSQL 55.2.3).
 */
export function plainAnswers(): (message: Frame, socket: Socket) => void {
  let failed = false;
  let copying: 'simple' | 'extended' | null = null;
  const texts = new Map<string, string>();
  const portals = new Map<string, string>();
  const name = (payload: Buffer, from = 0): string => payload.toString('utf8', from, payload.indexOf(0, from));
  const fail = (socket: Socket, code: string, message: string): void => {
    failed = true;
    socket.write(serverWords.fields('E', { S: 'ERROR', V: 'ERROR', C: code, M: message }));
  };
  const copies = (text: string): boolean => /copy\s+\w+\s+from\s+stdin/i.test(text);
  return ({ type, payload }, socket) => {
    const kind = String.fromCharCode(type);
    if (failed && kind !== 'S') return;
    if (copying !== null) {
      if (kind !== 'c' && kind !== 'f') return;
      socket.write(
        kind === 'c'
          ? serverWords.complete('COPY 1')
          : serverWords.fields('E', { S: 'ERROR', C: '57014', M: 'copy failed' }),
      );
      if (copying === 'simple') socket.write(serverWords.ready);
      else if (kind === 'f') failed = true;
      copying = null;
      return;
    }
    switch (kind) {
      case 'Q': {
        const text = name(payload);
        portals.clear();
        const statements = text.split(';').filter((part) => part.replaceAll(/--.*/g, '').trim() !== '');
        if (copies(text)) {
          copying = 'simple';
          socket.write(frame('G', Buffer.from([0]), int16(0)));
          return;
        }
        if (statements.length === 0) socket.write(frame('I'));
        for (const statement of statements) socket.write(answerTo(statement, true));
        socket.write(serverWords.ready);
        return;
      }
      case 'P':
        if (name(payload) !== '' && texts.has(name(payload))) return fail(socket, '42P05', 'statement already exists');
        texts.set(name(payload), name(payload, payload.indexOf(0) + 1));
        socket.write(serverWords.parseComplete);
        return;
      case 'B':
        if (name(payload) !== '' && portals.has(name(payload))) return fail(socket, '42P03', 'portal already exists');
        portals.set(name(payload), texts.get(name(payload, payload.indexOf(0) + 1)) ?? '');
        socket.write(serverWords.bindComplete);
        return;
      case 'D': {
        const statement = payload[0] === 0x53;
        const text = (statement ? texts : portals).get(name(payload, 1)) ?? '';
        if (statement) socket.write(frame('t', int16(0)));
        socket.write(/^\s*select/i.test(text) ? serverWords.columns('id') : serverWords.noData);
        return;
      }
      case 'E': {
        const text = portals.get(name(payload));
        if (text === undefined) {
          fail(socket, '34000', 'portal does not exist');
        } else if (copies(text)) {
          copying = 'extended';
          socket.write(frame('G', Buffer.from([0]), int16(0)));
        } else socket.write(text.trim() === '' ? frame('I') : answerTo(text, false));
        return;
      }
      case 'C':
        (payload[0] === 0x53 ? texts : portals).delete(name(payload, 1));
        socket.write(serverWords.closeComplete);
        return;
      case 'S':
        failed = false;
        portals.clear();
        socket.write(serverWords.ready);
        return;
      default:
    }
  };
}

function answerTo(statement: string, described: boolean): Buffer {
  if (!/^\s*select/i.test(statement)) return serverWords.complete('OK');
  return Buffer.concat([...(described ? [serverWords.columns('id')] : []), serverWords.complete('SELECT 0')]);
}

export async function startPeer(behaviour: PeerBehaviour | (() => PeerBehaviour) = {}): Promise<Peer> {
  const connections: Heard[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    attend(socket, connections, typeof behaviour === 'function' ? behaviour() : behaviour);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function attend(socket: Socket, connections: Heard[], behaviour: PeerBehaviour): void {
  const messages: Buffer[] = [];
  const answer = behaviour.answer ?? plainAnswers();
  let buffer: Buffer = Buffer.alloc(0);
  let reader: FrameReader | null = null;
  let heard: Heard | null = null;
  socket.on('data', (chunk: Buffer) => {
    if (reader === null) {
      buffer = Buffer.concat([buffer, chunk]);
      if (buffer.length < 4 || buffer.length < buffer.readInt32BE(0)) return;
      const length = buffer.readInt32BE(0);
      const startup = buffer.subarray(0, length);
      if (startup.readInt32BE(4) === 80877102) return void socket.end(); // CancelRequest
      const frames = new FrameReader(() => 256 * 1024 * 1024);
      reader = frames;
      heard = {
        startup,
        messages,
        get left() {
          return frames.pending;
        },
      };
      connections.push(heard);
      if (length < buffer.length) frames.push(buffer.subarray(length));
      if (behaviour.greet === undefined) socket.write(honestGreeting);
      else behaviour.greet(socket, startup);
    } else reader.push(chunk);
    for (let message = reader.next(); message !== null; message = reader.next()) {
      messages.push(Buffer.from(message.whole));
      if (heard !== null) behaviour.onMessage?.(message, heard);
      answer(message, socket);
    }
  });
}
