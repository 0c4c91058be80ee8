import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/gateway/callers.js';
import { Relays } from '../../../src/gateway/relays.js';
import { duplexPair } from '../../../src/lib/duplex-pair.js';
import { encodeFrame } from '../../../src/relay/frames.js';
import { RelayLink } from '../../../src/relay/link.js';

const never = new AbortController().signal;
const origin = { address: '192.0.2.1', version: 'test' };
const db = { host: 'db.internal', port: 5432 };
const machine: Caller = {
  principal: { id: 'i#relay', name: 'relay', kind: 'machine', issuer: 'i', mfa: false, groups: ['relays'] },
  token: {
    ...{ issuer: 'i', subject: 'relay', name: 'relay', kind: 'machine', mfa: false, claimGroups: [] },
    expiresAt: Date.now() + 60_000,
  },
};

function relays(openTimeoutMs?: number, record: () => void = () => undefined) {
  return new Relays({
    clock: Date.now,
    audit: { record },
    rules: () => new Map([['office', ['relays']]]),
    refresh: (principal) => principal,
    identify: () => Promise.resolve(machine),
    onProblem: () => undefined,
    ...(openTimeoutMs === undefined ? {} : { openTimeoutMs }),
  });
}

/** The relay's end of a connection that is served. */
function join(all: Relays): Duplex {
  const [near, far] = duplexPair();
  void all.serve('office', machine, origin, near);
  far.on('error', () => undefined).resume();
  return far;
}

describe('the relays of a gateway', () => {
  it('are not waited for without end', async () => {
    const all = relays(20);
    join(all);
    await expect(all.connect('office', 'db', db, never)).rejects.toMatchObject({
      code: 'target_unreachable',
      message: 'relay "office" did not say in time whether it reaches db',
    });
    all.close();
  });

  it('leave who gave up alone with their own reason', async () => {
    const all = relays();
    join(all);
    const given = new AbortController();
    const opening = all.connect('office', 'db', db, given.signal);
    given.abort(new Error('the client is gone'));
    await expect(opening).rejects.toThrow('the client is gone');
    all.close();
  });

  it('are passed by once they say goodbye, and keep what they carry', async () => {
    const all = relays();
    const serve = (name: string): RelayLink => {
      const [near, far] = duplexPair();
      void all.serve('office', machine, origin, near);
      return new RelayLink({ side: 'relay', transport: far, onRequest: (request) => request.accept().write(name) });
    };
    serve('older');
    const newer = serve('newer');
    const read = async (stream: Duplex): Promise<string> =>
      new Promise((resolve) => stream.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    const first = await all.connect('office', 'db', db, never);
    expect(await read(first)).toBe('newer');
    newer.sayGoodbye('restarting');
    expect(await read(await all.connect('office', 'db', db, never))).toBe('older');
    expect(first.destroyed).toBe(false);
    expect(all.counts).toEqual({ connections: 2, streams: 2 });
    all.close();
  });

  it('serve nothing that is not on the audit trail', async () => {
    const all = relays(undefined, () => {
      throw new Error('the disk is full');
    });
    const [near, far] = duplexPair();
    far.on('error', () => undefined).resume();
    await all.serve('office', machine, origin, near);
    await expect(all.connect('office', 'db', db, never)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('take no more than eight connections for one name', () => {
    const all = relays();
    for (let index = 0; index < 8; index += 1) join(all);
    expect(() => all.admit('office', machine.principal)).toThrow(expect.objectContaining({ code: 'conflict' }));
    all.close();
  });

  it('are cut when they show the login of another machine', async () => {
    const other: Caller = { ...machine, principal: { ...machine.principal, id: 'i#other' } };
    const all = new Relays({
      ...{ clock: Date.now, audit: { record: () => undefined }, refresh: (principal) => principal },
      rules: () => new Map([['office', ['relays']]]),
      identify: () => Promise.resolve(other),
      onProblem: () => undefined,
    });
    const [near, far] = duplexPair();
    far.on('error', () => undefined).resume();
    const served = all.serve('office', machine, origin, near);
    far.write(encodeFrame({ type: 'login', token: 'another' }));
    await served;
    expect(all.counts.connections).toBe(0);
  });
});
