import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { int32 } from '../../../../src/protocols/postgres/frames.js';
import { acceptedParameters, takeStartupPacket } from '../../../../src/protocols/postgres/startup.js';

const packet = (code: number, body = Buffer.alloc(0)): Buffer =>
  Buffer.concat([int32(8 + body.length), int32(code), body]);
const startup = (parameters: string, minor = 0): Buffer => packet(196_608 + minor, Buffer.from(parameters));

describe('takeStartupPacket', () => {
  it('reads each kind, and leaves what stands behind it', () => {
    expect(takeStartupPacket(Buffer.concat([packet(80877103), Buffer.from('rest')]))).toEqual({
      packet: { type: 'ssl' },
      rest: Buffer.from('rest'),
    });
    expect(takeStartupPacket(packet(80877104))?.packet).toEqual({ type: 'gss' });
    expect(takeStartupPacket(packet(80877102, Buffer.concat([int32(7), Buffer.from('keyskeys')])))?.packet).toEqual({
      type: 'cancel',
      processId: 7,
      key: Buffer.from('keyskeys'),
    });
    expect(takeStartupPacket(startup('user\0ada\0_pq_.x\0on\0\0', 2))?.packet).toEqual({
      type: 'startup',
      minor: 2,
      parameters: new Map([['user', 'ada']]),
      extensions: ['_pq_.x'],
    });
  });

  it('waits for a packet that is not whole, at every byte', () => {
    const whole = startup('user\0ada\0\0');
    for (let length = 0; length < whole.length; length++)
      expect(takeStartupPacket(whole.subarray(0, length))).toBeNull();
  });

  it.each([
    ['a length of 0', int32(0)],
    ['a length of 7', int32(7)],
    ['a negative length', int32(-1)],
    ['2^31 - 1', int32(0x7fffffff)],
    ['10,001 bytes', int32(10_001)],
    ['version 2', packet(0x20000)],
    ['version 4', packet(0x40000)],
    ['SSLRequest with a body', packet(80877103, Buffer.from('x'))],
    ['a cancel key too short', packet(80877102, Buffer.concat([int32(7), Buffer.from('k')]))],
    ['a cancel key too long', packet(80877102, Buffer.concat([int32(7), Buffer.alloc(300)]))],
    ['a name without a value', startup('user\0')],
    ['no end', startup('user\0ada\0')],
    ['bytes behind the end', startup('user\0ada\0\0x')],
    ['a parameter twice', startup('user\0ada\0user\0root\0\0')],
    ['text that is not UTF-8', packet(196_608, Buffer.from([0xff, 0, 0x61, 0, 0]))],
  ])('refuses %s', (_what, bytes) => {
    expect(() => takeStartupPacket(bytes)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it('reads random bytes or refuses them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (body) => {
        try {
          takeStartupPacket(packet(196_608, Buffer.from(body)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'protocol' });
        }
      }),
    );
  });
});

describe('acceptedParameters', () => {
  it('passes on what changes no meaning, under PostgreSQL’s own spelling', () => {
    const given = new Map(
      Object.entries({
        user: 'a',
        database: 'd',
        application_name: 'psql',
        client_encoding: 'utf8',
        datestyle: 'ISO, MDY',
        TIMEZONE: 'Europe/Berlin',
        extra_float_digits: '2',
        options: ' ',
      }),
    );
    expect([...acceptedParameters(given)]).toEqual([
      ['DateStyle', 'ISO, MDY'],
      ['TimeZone', 'Europe/Berlin'],
      ['extra_float_digits', '2'],
    ]);
  });

  it.each([
    ['search_path', 'evil'],
    ['options', '-c search_path=evil'],
    ['replication', 'true'],
    ['role', 'postgres'],
    ['session_authorization', 'postgres'],
    ['standard_conforming_strings', 'off'],
    ['client_encoding', 'SJIS'],
    ['DateStyle', 'ISO; drop'],
    ['TimeZone', "UTC'"],
    ['statement_timeout', '-1'],
    ['application_name', 'a\u0007b'],
    ['', 'x'],
    ['__proto__', 'x'],
  ])('refuses %s = %s by name', (name, value) => {
    expect(() => acceptedParameters(new Map([[name, value]]))).toThrow(expect.objectContaining({ code: 'denied' }));
  });
});
