import { once, type EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Client, Connection as SshConnection, Session } from 'ssh2';
import { string, uint32 } from './sftp/codec.js';

/**
 * What ssh2 1.17 leaves open to the other side, closed by its own parts: their names are looked up and may be missing, and
 * then the bound is not kept silently but throws.
 */

/** RFC 4254 has no least size of a packet, and ssh2 writes into one of 0 bytes for ever. Clients have 16 KiB and more. */
const leastPacketBytes = 256;
/** What may wait to be sent to a side that does not read: its window is what it says, up to 4 GiB. */
const maxUnsentBytes = 1024 * 1024;

/** ssh2 takes packets of 35,000 bytes; RFC 4253, section 6.1, asks for no more. */
export function isOversize(error: Error): boolean {
  return error.message.startsWith('Bad packet length');
}
export const oversizeWords =
  'sluice: a packet is too long or malformed: a command line may have 34000 bytes, more belongs into a file or standard input';

/** Whether the other side takes packets of a size that can be written to. */
export function takesPackets(channel: object): boolean {
  const size = Number(part(part(channel, 'outgoing'), 'packetSize'));
  return size >= leastPacketBytes;
}

/** Whether the other side has sent more on a channel than it may (RFC 4254, section 5.2): ssh2 takes it and keeps it. */
export function overrunsWindow(channel: object): boolean {
  return Number(part(part(channel, 'incoming'), 'window')) < 0;
}

/** Calls this after each piece that has come from the other side was dealt with. */
export function afterEachPiece(client: Client, look: () => void): void {
  (part(client, '_sock') as Duplex).on('data', look);
}

/**
 * Waits while the connection of a channel has more to send than it should, or is exchanging keys: until then ssh2 keeps
 * whatever is written, and a side that never ends the exchange would have it keep everything.
 */
export async function roomToSend(channel: Duplex, signal: AbortSignal): Promise<void> {
  if (!('_client' in channel)) return;
  const client = part(channel, '_client') as SshConnection & Client;
  const socket = part(client, '_sock') as Duplex;
  const protocol = part(client, '_protocol');
  while (!socket.destroyed && socket.writableNeedDrain && socket.writableLength > maxUnsentBytes)
    await eitherOf(socket, 'drain', signal);
  while (!socket.destroyed && part(protocol, '_kexinit') !== undefined) await eitherOf(client, 'handshake', signal);
}

/** SSH_MSG_DISCONNECT with words; ssh2's own has none. uint32(reason code) string(description) string(language) */
export function sayGoodbye(client: SshConnection, words: string): void {
  sendPacket(client, Buffer.concat([Buffer.from([disconnect]), uint32(protocolError), string(words), string('')]));
}

/** SSH_MSG_USERAUTH_BANNER: words before the answer to a login. string(message) string(language); RFC 4252, section 5.4 */
export function showBanner(client: SshConnection, words: string): void {
  sendPacket(client, Buffer.concat([Buffer.from([userauthBanner]), string(words), string('')]));
}

/**
 * Answers the server's "this key would do" with a proof: what was to be signed without the session id before it, and the
 * signature. ssh2's own writes the certificate's type into the signature, where the key's belongs.
 */
export function sendProof(client: Client, signedData: Buffer, signature: Buffer): void {
  const request = signedData.subarray(4 + signedData.readUInt32BE());
  const queue = part(part(client, '_protocol'), '_authsQueue') as string[];
  queue.push('publickey');
  sendPacket(client, Buffer.concat([request, string(signature)]));
}

function sendPacket(client: SshConnection | Client, body: Buffer): void {
  const cipher = part(part(client, '_protocol'), '_cipher') as {
    allocPacket(length: number): Buffer;
    encrypt(packet: Buffer): void;
  };
  const packet = cipher.allocPacket(body.length);
  packet.set(body, 5);
  cipher.encrypt(packet);
}

/** Ends a session channel on which nothing was started: ssh2 neither answers its close nor forgets it. */
export function closeUnstarted(client: SshConnection, session: Session): void {
  const channel = part(session, '_chanInfo');
  const protocol = part(client, '_protocol') as { channelClose(id: number): void };
  const channels = part(client, '_chanMgr') as { remove(id: number): void };
  protocol.channelClose(Number(part(part(channel, 'outgoing'), 'id')));
  channels.remove(Number(part(part(channel, 'incoming'), 'id')));
}

const disconnect = 1;
const userauthBanner = 53;
const protocolError = 2;

/** Resolves at the event, at the end of the stream or of the whole; who waits looks again. */
async function eitherOf(emitter: EventEmitter, event: 'drain' | 'handshake', signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    await Promise.race([once(emitter, event, { signal: either }), once(emitter, 'close', { signal: either })]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    stop.abort();
  }
}

function part(of: unknown, name: string): unknown {
  if (typeof of !== 'object' || of === null || !(name in of)) throw new TypeError(`ssh2 has no ${name} any more`);
  return Reflect.get(of, name);
}
