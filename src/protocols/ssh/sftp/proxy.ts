import type { ServerChannel } from 'ssh2';
import { plainFacts, type ActionName, type Effect } from '../../../analysis/effects.js';
import { isSluiceError, SluiceError } from '../../../lib/errors.js';
import type { Running } from '../../../programs/running.js';
import type { JudgedOperation, Permit } from '../../../sessions/permit.js';
import { compileDetectors } from '../../../masking/detectors.js';
import { pump, writeTo } from '../channel-io.js';
import type { Conversation } from '../conversation.js';
import * as wire from './codec.js';
import { encodeRefusal } from './refusal.js';
import { FileQuestions, type Reply } from './questions.js';
import { decodeRequest, type Request } from './requests.js';
import { type Direction, sizeStep, Transfer } from './transfer.js';

const { types, statuses } = wire;
const maxHandles = 256;
const maxPending = 4096;

/** A file or folder that the target has open for this client. */
interface OpenHandle {
  readonly upstream: Buffer;
  readonly permit: Permit;
  readonly effects: readonly Effect[];
  readonly path: string;
  readonly isFile: boolean;
  readonly down: Transfer;
  readonly up: Transfer;
  /** An upload goes on to here without being judged again. */
  upTo: number;
  /** Why a part of it was refused: to who wrote ahead, answers to the parts before come later and look like the last word. */
  refused: SluiceError | null;
}

type Opened = Pick<OpenHandle, 'permit' | 'effects' | 'path' | 'isFile'>;

export interface SftpParts {
  readonly talk: Conversation;
  readonly channel: ServerChannel;
  readonly upstream: Running;
  readonly permit: Permit;
  readonly signal: AbortSignal;
}

/**
 * SFTP between a client and its target: every request is decoded, its paths are made absolute by the target, judged,
 * recorded, and encoded anew under an id of our own. Handles are ours too, so that one judged for one path is never used
 * for another.
 */
export class SftpProxy {
  readonly #parts: SftpParts;
  readonly #handles = new Map<string, OpenHandle>();
  readonly #pending = new Map<number, Reply>();
  readonly #questions: FileQuestions;
  readonly #broken = new AbortController();
  #ids = 0;
  #nextHandle = 0;
  #tail: Promise<void> = Promise.resolve();
  #version: ((packet: wire.Packet) => void) | null = null;

  constructor(parts: SftpParts) {
    this.#parts = parts;
    this.#questions = new FileQuestions((type, fields, reply) => this.#send(parts.permit, type, fields, reply));
  }

  /** Runs until the target's channel closes. */
  async run(): Promise<void> {
    const { upstream, channel } = this.#parts;
    const signal = AbortSignal.any([this.#parts.signal, this.#broken.signal]);
    const fromClient = new wire.PacketReader();
    const fromTarget = new wire.PacketReader();
    const closed = new Promise<void>((resolve) => upstream.once('close', () => resolve()));
    const stopped = new Promise<never>((_, reject) => {
      const stop = (): void => reject(signal.reason);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
    stopped.catch(() => undefined);
    const input = pump(
      channel,
      async (piece) => {
        for (const packet of fromClient.push(piece)) await this.#request(packet);
      },
      signal,
    ).then(() => void upstream.end());
    const output = pump(
      upstream,
      async (piece) => {
        for (const packet of fromTarget.push(piece)) await this.#answer(packet);
      },
      signal,
    );
    upstream.stderr.resume();
    try {
      const failed = new Promise<never>((_, reject) => void Promise.all([input, output]).catch(reject));
      await Promise.race([closed, stopped, failed]);
      await this.#tail;
      this.#endTransfers('left open');
      await this.#parts.talk.session.recorder.commit();
      channel.exit(0);
      channel.end();
    } finally {
      this.#endTransfers('cut off');
      upstream.close();
      channel.pause();
    }
  }

  // Client → target

  async #request(packet: wire.Packet): Promise<void> {
    if (packet.type === types.init) return this.#init();
    let request: Request;
    try {
      request = decodeRequest(packet);
    } catch (error) {
      if (!(error instanceof wire.UnreadableName)) throw error;
      const id = new wire.PayloadReader(packet.payload).uint32();
      return this.#reply(wire.encodeStatus(id, statuses.failure, 'a name that is not UTF-8 cannot be judged'));
    }
    try {
      await this.#handle(request);
    } catch (error) {
      if (!isSluiceError(error) || error.code === 'protocol' || error.code === 'recorder_failed') throw error;
      await this.#reply(encodeRefusal(request.id, error));
    }
  }

  #handle(request: Request): Promise<void> {
    switch (request.kind) {
      case 'paths':
        return this.#onPaths(request);
      case 'handle':
        return this.#onHandle(request);
      case 'read':
        return this.#read(request);
      case 'write':
        return this.#write(request);
      case 'limits':
        return this.#send(
          this.#parts.permit,
          types.extended,
          [wire.string('limits@openssh.com')],
          this.#passTo(request.id),
        );
      case 'unsupported':
        return this.#reply(
          wire.encodeStatus(request.id, statuses.unsupported, `sluice: ${request.name} is not served`),
        );
    }
  }

  /** INIT: uint32(version). Ours is 3, which is all that OpenSSH speaks; of extensions only those that are judged. */
  async #init(): Promise<void> {
    const { upstream, signal } = this.#parts;
    const answered = new Promise<wire.Packet>((resolve) => (this.#version = resolve));
    await writeTo(upstream, wire.encodePacket(types.init, wire.uint32(3)), signal);
    // Answered from the other direction; what the client sends meanwhile waits for it.
    const version = new wire.PayloadReader((await answered).payload);
    if (version.uint32() !== 3) throw wire.broken('the target does not speak version 3');
    const offered = new Map<string, Buffer>();
    for (let rest = version.rest(); rest.length > 0;) {
      const pair = new wire.PayloadReader(rest);
      const name = pair.bytes().toString('latin1');
      offered.set(name, pair.bytes());
      rest = pair.rest();
    }
    const kept = ['posix-rename@openssh.com', 'hardlink@openssh.com', 'fsync@openssh.com', 'limits@openssh.com'];
    const extensions = kept.flatMap((name) => {
      const value = offered.get(name);
      return value === undefined ? [] : [wire.string(name), wire.string(value)];
    });
    await this.#reply(wire.encodePacket(types.version, wire.uint32(3), ...extensions));
  }

  async #onPaths(request: Extract<Request, { kind: 'paths' }>): Promise<void> {
    if (request.opens !== null && this.#handles.size >= maxHandles)
      throw new SluiceError('too_large', `more than ${maxHandles} open files`);
    const paths: string[] = [];
    const effects: Effect[] = [];
    for (const named of request.paths) {
      const path = await this.#questions.resolve(named);
      const size = named.actions.includes('download') ? await this.#questions.sizeOf(path) : 0;
      paths.push(path);
      for (const action of named.actions) effects.push(this.#effect(action, path, action === 'download' ? size : 0));
    }
    const permit = await this.#judge(`${request.name} ${paths.join(' ')}`, effects);
    const [path = ''] = paths;
    const reply: Reply =
      request.opens === null
        ? this.#passTo(request.id)
        : (packet, reader) =>
            this.#opened(request.id, { permit, effects, path, isFile: request.opens === 'file' }, packet, reader);
    await this.#send(permit, request.type, request.encode(paths), reply);
  }

  async #onHandle(request: Extract<Request, { kind: 'handle' }>): Promise<void> {
    const { id, type, tail, judged, extension } = request;
    const handle = this.#find(request.handle);
    const permit =
      judged === null
        ? handle.permit
        : await this.#judge(`fsetstat ${handle.path}`, [this.#effect(judged, handle.path, 0)]);
    if (type === types.close) {
      this.#handles.delete(request.handle.toString('hex'));
      this.#recordTransfer(handle, '');
      await this.#parts.talk.session.recorder.commit();
    }
    const head = extension === null ? [] : [wire.string(extension)];
    const { refused } = handle;
    const reply = type === types.close && refused !== null ? () => this.#reply(encodeRefusal(id, refused)) : null;
    await this.#send(permit, type, [...head, wire.string(handle.upstream), tail], reply ?? this.#passTo(id));
  }

  async #read(request: Extract<Request, { kind: 'read' }>): Promise<void> {
    const handle = this.#find(request.handle);
    const fields = [wire.string(handle.upstream), wire.uint64(request.offset), wire.uint32(request.length)];
    await this.#send(handle.permit, types.read, fields, async (packet, reader) => {
      if (packet.type === types.data) {
        const data = reader.bytes();
        this.#parts.talk.session.countRows(0, data.length, handle.permit, handle.effects);
        handle.down.add(request.offset, data);
        // A string in two parts: put together in the packet, and not before it as well.
        await this.#reply(wire.encodePacket(types.data, wire.uint32(request.id), wire.uint32(data.length), data));
      } else await this.#pass(request.id, packet, reader);
    });
  }

  async #write(request: Extract<Request, { kind: 'write' }>): Promise<void> {
    const handle = this.#find(request.handle);
    const over = this.#parts.talk.session.refusedNow(handle.permit, handle.effects);
    if (over !== null) throw (handle.refused = over);
    const end = Math.max(request.offset + request.data.length, handle.up.bytes + request.data.length);
    if (end > Math.max(handle.upTo, 1024 * 1024)) {
      const size = sizeStep(end);
      const effects = [this.#effect('upload', handle.path, size)];
      await this.#judge(`upload ${handle.path} beyond ${handle.upTo} bytes`, effects).catch((error: unknown) => {
        if (isSluiceError(error)) handle.refused = error;
        throw error;
      });
      handle.upTo = size;
    }
    handle.up.add(request.offset, request.data);
    await this.#parts.talk.session.recorder.commit();
    const head = [wire.string(handle.upstream), wire.uint64(request.offset), wire.uint32(request.data.length)];
    await this.#send(handle.permit, types.write, [...head, request.data], this.#passTo(request.id));
  }

  #judge(text: string, effects: readonly Effect[]): Promise<Permit> {
    const { talk, signal } = this.#parts;
    const operation = { protocol: 'ssh', kind: 'file', text, parameters: [] } as const;
    const subject: JudgedOperation = { operation, effects, fault: null };
    // SFTP has no place for words while something waits; the client simply waits.
    return talk.judging.ask(subject, () => undefined, signal);
  }

  #effect(action: ActionName, path: string, size: number): Effect {
    const { target } = this.#parts.talk.incoming;
    const parts = path.split('/').filter((part) => part !== '');
    return {
      action,
      resource: { type: 'Path', path: [target.name, ...parts] },
      facts: { ...plainFacts, path, size },
    };
  }

  #find(handle: Buffer): OpenHandle {
    const found = this.#handles.get(handle.toString('hex'));
    if (found === undefined)
      throw new SluiceError('target_rejected', 'no such handle', { decider: 'gateway', targetCode: '4' });
    return found;
  }

  // Target → client

  async #answer(packet: wire.Packet): Promise<void> {
    if (packet.type === types.version) {
      const version = this.#version;
      this.#version = null;
      if (version === null) throw wire.broken('a second version');
      version(packet);
      return;
    }
    const reader = new wire.PayloadReader(packet.payload);
    const id = reader.uint32();
    const reply = this.#pending.get(id);
    if (reply === undefined) throw wire.broken('an answer to nothing');
    this.#pending.delete(id);
    await reply(packet, reader);
  }

  #passTo(id: number): Reply {
    return (packet, reader) => this.#pass(id, packet, reader);
  }

  #pass(id: number, packet: wire.Packet, reader: wire.PayloadReader): Promise<void> {
    return this.#reply(wire.encodePacket(packet.type, wire.uint32(id), reader.rest()));
  }

  /** Returns at once: what it asks is answered by the loop that it is called from. */
  async #opened(id: number, opened: Opened, packet: wire.Packet, reader: wire.PayloadReader): Promise<void> {
    if (packet.type !== types.handle) return this.#pass(id, packet, reader);
    this.#check(id, opened, Buffer.from(reader.bytes())).catch((error: unknown) => this.#broken.abort(error));
  }

  /** A link that was put in its way since it was judged has opened something else. */
  async #check(id: number, opened: Opened, upstream: Buffer): Promise<void> {
    const { permit, path, isFile } = opened;
    if (!(await this.#questions.isWhatWasOpened(path, upstream, isFile))) {
      await this.#send(permit, types.close, [wire.string(upstream)], () => undefined);
      const error = new SluiceError('denied', 'the path has come to lead elsewhere while it was opened; try again', {
        decider: 'gateway',
      });
      return this.#reply(encodeRefusal(id, await this.#parts.talk.judging.withdraw(permit, error)));
    }
    const own = wire.uint32(++this.#nextHandle);
    this.#handles.set(own.toString('hex'), {
      ...{ ...opened, upstream, upTo: 0, refused: null },
      down: this.#transfer(opened, 'download'),
      up: this.#transfer(opened, 'upload'),
    });
    await this.#reply(wire.encodePacket(types.handle, wire.uint32(id), wire.string(own)));
  }

  #transfer({ permit, isFile, path }: Opened, direction: Direction): Transfer {
    const { session, now, incoming } = this.#parts.talk;
    return new Transfer({
      ...{ recorder: session.recorder, now, op: permit.op, path, direction },
      keepBytes: isFile ? (incoming.target.ssh?.keepFileBytes ?? 0) : 0,
      detectors: compileDetectors(incoming.classification.detectors),
    });
  }

  #endTransfers(how: string): void {
    for (const handle of this.#handles.values()) this.#recordTransfer(handle, how);
    this.#handles.clear();
  }

  #recordTransfer({ isFile, down, up }: OpenHandle, how: string): void {
    if (isFile) for (const one of [down, up]) one.end(how);
  }

  // Both ways out

  async #send(permit: Permit, type: number, fields: readonly Buffer[], reply: Reply): Promise<void> {
    if (!permit.genuine) throw new TypeError('not a permit');
    if (this.#pending.size >= maxPending) throw wire.broken('too many requests without an answer');
    this.#ids = (this.#ids + 1) >>> 0;
    this.#pending.set(this.#ids, reply);
    const packet = wire.encodePacket(type, wire.uint32(this.#ids), ...fields);
    await writeTo(this.#parts.upstream, packet, this.#parts.signal);
  }

  /** The journal first, then the client; answers of ours and of the target's one behind the other. */
  #reply(bytes: Buffer): Promise<void> {
    const { channel, talk, signal } = this.#parts;
    this.#tail = this.#tail.then(async () => {
      await talk.session.recorder.commit();
      await writeTo(channel, bytes, signal);
    });
    return this.#tail;
  }
}
