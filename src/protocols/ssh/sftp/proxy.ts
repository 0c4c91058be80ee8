import type { ServerChannel } from 'ssh2';
import { plainFacts, type ActionName, type Effect } from '../../../analysis/effects.js';
import { isSluiceError, SluiceError } from '../../../lib/errors.js';
import type { Running } from '../../../programs/running.js';
import type { JudgedOperation, Permit } from '../../../sessions/permit.js';
import { compileDetectors } from '../../../masking/detectors.js';
import { pump, writeTo } from '../channel-io.js';
import type { Conversation } from '../conversation.js';
import { Asking, type Reply } from './asking.js';
import * as wire from './codec.js';
import { encodeRefusal } from './refusal.js';
import { FileQuestions } from './questions.js';
import { decodeRequest, type Request } from './requests.js';
import { type Direction, sizeStep, Transfer } from './transfer.js';

const { types, statuses } = wire;
const maxHandles = 256;

/** A file or folder that the target has open for this client. */
interface OpenHandle {
  readonly upstream: Buffer;
  readonly permit: Permit;
  readonly effects: readonly Effect[];
  readonly path: string;
  readonly isFile: boolean;
  readonly descriptor: number | null;
  readonly down: Transfer;
  readonly up: Transfer;
  /** An upload goes on to here without being judged again. */
  upTo: number;
  /** Why a part of it was refused: to who wrote ahead, answers to the parts before come later and look like the last word. */
  refused: SluiceError | null;
}

/** What the client asked to have opened. */
interface Opening extends Pick<OpenHandle, 'permit' | 'effects' | 'path' | 'isFile'> {
  readonly id: number;
  /** The target was asked to open it only; it is cut once it is known to be the right one. */
  readonly isCutLater: boolean;
}

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
  readonly #asking: Asking;
  readonly #questions: FileQuestions;
  readonly #broken = new AbortController();
  #nextHandle = 0;
  #tail: Promise<void> = Promise.resolve();
  /** One is opened at a time, so that it is known which is new. */
  #opening: Promise<void> = Promise.resolve();
  #version: ((packet: wire.Packet) => void) | null = null;

  constructor(parts: SftpParts) {
    this.#parts = parts;
    this.#asking = new Asking(parts.upstream, parts.signal);
    this.#questions = new FileQuestions((asked) => this.#asking.send(parts.permit, asked));
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
    await this.#questions.descriptors.begin();
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
    if (request.opens !== null) return this.#open(request, { permit, effects, paths });
    await this.#send(permit, request.type, request.encode(paths), this.#passTo(request.id));
  }

  async #open(
    { id, type, opens, encode, encodeUncut }: Extract<Request, { kind: 'paths' }>,
    { permit, effects, paths }: Pick<OpenHandle, 'permit' | 'effects'> & { readonly paths: readonly string[] },
  ): Promise<void> {
    const [path = ''] = paths;
    await this.#opening;
    const uncut = this.#questions.descriptors.isTold ? encodeUncut : null;
    const opening: Opening = { id, permit, effects, path, isFile: opens === 'file', isCutLater: uncut !== null };
    this.#opening = new Promise((resolve, reject) => {
      const reply: Reply = (packet, reader) => {
        // Returns at once: what it asks is answered by the loop that it is called from.
        this.#opened(opening, packet, reader)
          .catch((error: unknown) => this.#broken.abort(error))
          .finally(resolve);
      };
      this.#send(permit, type, (uncut ?? encode)(paths), reply).catch(reject);
    });
    this.#opening.catch(() => undefined);
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
    const { refused, descriptor } = handle;
    if (type === types.close && descriptor !== null) this.#questions.descriptors.closed(descriptor);
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
    await this.#asking.answered(packet);
  }

  #passTo(id: number): Reply {
    return (packet, reader) => this.#pass(id, packet, reader);
  }

  #pass(id: number, packet: wire.Packet, reader: wire.PayloadReader): Promise<void> {
    return this.#reply(wire.encodePacket(packet.type, wire.uint32(id), reader.rest()));
  }

  async #opened(opening: Opening, packet: wire.Packet, reader: wire.PayloadReader): Promise<void> {
    const { id, permit, path, isFile, isCutLater } = opening;
    if (packet.type !== types.handle) return this.#pass(id, packet, reader);
    const upstream = Buffer.from(reader.bytes());
    try {
      const { isAsJudged, descriptor } = await this.#questions.whatWasOpened(path, upstream, isFile);
      if (!isAsJudged) throw await this.#parts.talk.judging.withdraw(permit, ledElsewhere());
      if (isCutLater) await this.#questions.truncate(upstream);
      if (descriptor !== null) this.#questions.descriptors.opened(descriptor);
      await this.#reply(
        wire.encodePacket(types.handle, wire.uint32(id), wire.string(this.#keep(opening, upstream, descriptor))),
      );
    } catch (error) {
      if (!isSluiceError(error) || !['denied', 'target_rejected'].includes(error.code)) throw error;
      await this.#send(permit, types.close, [wire.string(upstream)], () => undefined);
      await this.#reply(encodeRefusal(id, error));
    }
  }

  /** The name of the handle for the client. */
  #keep(opening: Opening, upstream: Buffer, descriptor: number | null): Buffer {
    const { permit, effects, path, isFile } = opening;
    const own = wire.uint32(++this.#nextHandle);
    this.#handles.set(own.toString('hex'), {
      ...{ permit, effects, path, isFile, upstream, descriptor, upTo: 0, refused: null },
      down: this.#transfer(opening, 'download'),
      up: this.#transfer(opening, 'upload'),
    });
    return own;
  }

  #transfer({ permit, isFile, path }: Opening, direction: Direction): Transfer {
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

  #send(permit: Permit, type: number, fields: readonly Buffer[], reply: Reply): Promise<void> {
    return this.#asking.send(permit, [{ type, fields, reply }]);
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

/** A link that was put in its way since it was judged has opened something else. */
function ledElsewhere(): SluiceError {
  const message = 'the path has come to lead elsewhere while it was opened; try again';
  return new SluiceError('denied', message, { decider: 'gateway' });
}
