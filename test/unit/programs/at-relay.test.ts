import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { startAtRelay } from '../../../src/programs/at-relay.js';
import { serveProgram } from '../../../src/programs/serve.js';
import type { Start } from '../../../src/programs/start.js';
import { encodeProgramFrame, fromGateway, type ProgramFrame, ProgramFrames } from '../../../src/programs/wire.js';
import { duplexPair } from '../../../src/lib/duplex-pair.js';

const start: Start = {
  argv: ['/bin/echo', 'hello'],
  ...{ runAs: { uid: 65_534, gid: 65_534 }, directory: '/', environment: { TOKEN: 'secret' }, descriptor: null },
};

/** The relay's end of a stream, whose frames the test writes itself. */
function relayEnd(): { readonly near: Duplex; readonly far: Duplex; readonly say: (...all: ProgramFrame[]) => void } {
  const [near, far] = duplexPair();
  for (const end of [near, far]) end.on('error', () => undefined);
  far.resume();
  return { near, far, say: (...all) => void far.write(Buffer.concat(all.map(encodeProgramFrame))) };
}

describe('a program at a relay', () => {
  it('that cannot be started is an error with the relay’s words, made harmless', async () => {
    const { near, say } = relayEnd();
    say({ type: 'failed', text: 'no account\u001b[2J' });
    await expect(startAtRelay(near, start, null, 'office')).rejects.toMatchObject({
      code: 'unavailable',
      message: 'relay "office" does not run the program: no account?[2J',
    });
  });

  it('that is over as soon as it has begun has said how it ended', async () => {
    const { near, far, say } = relayEnd();
    say({ type: 'started' }, { type: 'exit', code: null, signal: 'SIGTERM' });
    far.end();
    const running = await startAtRelay(near, start, null, 'office');
    running.resume();
    if (!running.closed) await once(running, 'close');
    expect(running.ending).toEqual({ code: null, signal: 'SIGTERM' });
  });

  const lies: Readonly<Record<string, readonly ProgramFrame[]>> = {
    'output before it began': [{ type: 'output', bytes: Buffer.from('x') }],
    'two beginnings': [{ type: 'started' }, { type: 'started' }],
    'output behind its end': [
      { type: 'started' },
      { type: 'exit', code: 0, signal: null },
      { type: 'output', bytes: Buffer.from('late') },
    ],
    'input taken that was never sent': [{ type: 'started' }, { type: 'taken', count: 1 }],
  };
  it.each(Object.entries(lies))('of which a relay says %s ends, and its stream too', async (_what, frames) => {
    const { near, say } = relayEnd();
    say(...frames);
    const outcome = await startAtRelay(near, start, null, 'office').then(
      async (running) => {
        running.resume();
        if (!running.closed) await once(running, 'close');
        return running.errored;
      },
      (error: unknown) => error,
    );
    expect(outcome).toMatchObject({ code: 'protocol' });
    expect(near.destroyed).toBe(true);
  });

  it('never has more input under way than it takes', async () => {
    const { near, far, say } = relayEnd();
    const frames = new ProgramFrames(fromGateway);
    let sent = 0;
    far.on('data', (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) if (frame.type === 'input') sent += frame.bytes.length;
    });
    say({ type: 'started' });
    const running = await startAtRelay(near, start, null, 'office');
    const written = new Promise<void>((resolve) => running.write(Buffer.alloc(1_000_000), () => resolve()));
    for (let taken = 0; taken < 1_000_000;) {
      while (sent === taken) await new Promise((resolve) => setImmediate(resolve));
      expect(sent - taken).toBeLessThanOrEqual(262_144);
      const count = sent - taken;
      taken += count;
      say({ type: 'taken', count });
    }
    await written;
    expect(sent).toBe(1_000_000);
    running.destroy();
  });
});

describe('a relay’s side of a program', () => {
  const wrong: Readonly<Record<string, readonly (ProgramFrame | Buffer)[]>> = {
    'another program than was permitted': [{ type: 'start', json: JSON.stringify({ ...start, terminal: null }) }],
    'what is no order': [{ type: 'start', json: '{"argv":[]}' }],
    'an order as root': [
      {
        type: 'start',
        json: JSON.stringify({ ...start, argv: ['/bin/cat'], runAs: { uid: 0, gid: 0 }, terminal: null }),
      },
    ],
    'input for nothing': [{ type: 'input', bytes: Buffer.from('x') }],
    'what only it may send': [{ type: 'exit', code: 0, signal: null }],
    'bytes of nothing': [Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  };
  it.each(Object.entries(wrong))('ends when it is sent %s, and runs nothing', async (_what, sent) => {
    const { near, far } = relayEnd();
    serveProgram(near, '/bin/cat');
    const heard: Buffer[] = [];
    far.on('data', (chunk: Buffer) => heard.push(chunk));
    far.write(Buffer.concat(sent.map((each) => (Buffer.isBuffer(each) ? each : encodeProgramFrame(each)))));
    if (!far.closed) await once(far, 'close');
    expect(Buffer.concat(heard).length).toBe(0);
  });
});
