import type { Duplex, Readable } from 'node:stream';
import { z } from 'zod';
import { messageOf } from '../lib/errors.js';
import { startProgram } from './here.js';
import type { Running } from './running.js';
import { brokenProgram, encodeProgramFrame, fromGateway, maxInputBytes, piecesOf, ProgramFrames } from './wire.js';
import type { ProgramFrame } from './wire.js';

const startTimeoutMs = 10_000;
const text = z.string().refine((value) => !value.includes('\0'));
const account = z.number().int().min(1).max(0xffff_fffe);
const startSchema = z.strictObject({
  argv: z.tuple([text], text),
  runAs: z.strictObject({ uid: account, gid: account }),
  directory: text.startsWith('/'),
  environment: z.record(text, text),
  descriptor: text.nullable(),
  terminal: z
    .strictObject({ term: text, cols: z.number().int().min(0).max(0xffff), rows: z.number().int().min(0).max(0xffff) })
    .nullable(),
});

/**
 * The relay's side of a program: runs what the gateway says, if it is the program that was permitted, and ends it when the
 * stream ends. Nothing of it is kept or logged, its environment least of all.
 */
export function serveProgram(stream: Duplex, program: string): void {
  const frames = new ProgramFrames(fromGateway);
  let running: Running | null = null;
  let isStarting = false;
  /** Input that the gateway has sent and the program not taken. */
  let waiting = 0;
  const send = (frame: ProgramFrame): void => {
    if (!stream.destroyed && stream.writable) stream.write(encodeProgramFrame(frame));
  };
  const timer = setTimeout(() => stream.destroy(brokenProgram('nothing to start')), startTimeoutMs);

  const start = async (json: string): Promise<void> => {
    const parsed = startSchema.safeParse(parseJson(json));
    if (!parsed.success) throw brokenProgram('a start frame that cannot be read');
    const { terminal, ...rest } = parsed.data;
    if (rest.argv[0] !== program) throw brokenProgram('another program than it had asked for');
    let started: Running;
    try {
      started = await startProgram(rest, terminal);
    } catch (error) {
      send({ type: 'failed', text: messageOf(error) });
      stream.end();
      return;
    }
    if (stream.destroyed) return started.close();
    running = started;
    send({ type: 'started' });
    follow(started);
  };

  /** What the program says goes out as fast as it is taken; how it ended comes last. */
  const follow = (started: Running): void => {
    started.on('error', (error) => {
      send({ type: 'failed', text: messageOf(error) });
      stream.end();
    });
    const sources: readonly [Readable, 'output' | 'errors'][] = [
      [started, 'output'],
      [started.stderr, 'errors'],
    ];
    const open = new Set<Readable>(sources.map(([source]) => source));
    const finish = (source: Readable): void => {
      open.delete(source);
      if (open.size > 0) return;
      const { code, signal } = started.ending;
      if (code !== null || signal !== null) send({ type: 'exit', code, signal });
      if (stream.writable) stream.end();
    };
    for (const [source, type] of sources) {
      source.on('data', (piece: Buffer) => {
        for (const frame of piecesOf(type, piece)) if (!stream.write(frame)) source.pause();
      });
      source.once('close', () => finish(source));
    }
    stream.on('drain', () => {
      for (const source of open) source.resume();
    });
  };

  const take = (frame: ProgramFrame): void => {
    if (frame.type === 'start') {
      if (isStarting) throw brokenProgram('two programs to start');
      isStarting = true;
      clearTimeout(timer);
      void start(frame.json).catch((error: unknown) => stream.destroy(error instanceof Error ? error : undefined));
      return;
    }
    if (running === null) throw brokenProgram(`a ${frame.type} frame before anything ran`);
    switch (frame.type) {
      case 'input': {
        const { length } = frame.bytes;
        waiting += length;
        if (waiting > maxInputBytes) throw brokenProgram('more input than may be under way');
        running.write(Buffer.from(frame.bytes), () => {
          waiting -= length;
          send({ type: 'taken', count: length });
        });
        return;
      }
      case 'inputEnd':
        return void running.end();
      case 'window':
        return void running.setWindow(frame.rows, frame.columns, 0, 0);
      case 'signal':
        return void running.signal(frame.text);
      default:
    }
  };

  stream.on('data', (chunk: Buffer) => {
    try {
      for (const frame of frames.push(chunk)) take(frame);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : undefined);
    }
  });
  stream.on('error', () => undefined); // `close` follows, and ends the program
  stream.once('end', () => running?.close());
  stream.once('close', () => {
    clearTimeout(timer);
    running?.close();
  });
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
