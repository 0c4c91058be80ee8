import { expect, test } from 'vitest';
import fc from 'fast-check';
import { isGoodbye, PostgresAnswers } from '../../../src/agent/postgres-answers.js';

function message(type: string, body: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}
const authenticationOk = message('R', Buffer.from([0, 0, 0, 0]));
const readyForQuery = message('Z', Buffer.from('I'));
const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
const types = fc.constantFrom('D', 'T', 'C', 'd', 'N', 'S', 'A', '1', '2', 's', 'Z');

function pushAll(bytes: Buffer, cuts: readonly number[] = []): PostgresAnswers {
  const answers = new PostgresAnswers();
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let at = 0;
  for (const end of [...ends, bytes.length]) {
    answers.push(bytes.subarray(at, end));
    at = end;
  }
  return answers;
}

test('knows after every byte whether a message stands whole, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.nat(2), bodies, types, fc.array(fc.nat(), { maxLength: 20 }), (declined, sent, type, cuts) => {
      // SSLRequest and GSSENCRequest are declined with a byte each, before anything else.
      const parts = [
        Buffer.from('NN'.slice(0, declined)),
        authenticationOk,
        ...sent.map((body) => message(type, body)),
      ];
      const bytes = Buffer.concat(parts);
      const whole = new Set<number>();
      let at = 0;
      for (const part of parts) whole.add((at += part.length));
      whole.delete(declined);
      for (let end = 0; end <= bytes.length; end++) {
        const known = pushAll(bytes.subarray(0, end), cuts).mayBeFollowed;
        expect([end, known]).toEqual([end, whole.has(end)]);
      }
    }),
    { numRuns: 200 },
  );
});

test('follows a message that is larger than many chunks, and the one behind it', () => {
  const row = message('D', Buffer.alloc(300_000, 0x5a));
  const answers = new PostgresAnswers();
  answers.push(authenticationOk);
  for (let at = 0; at < row.length; at += 65_536) {
    answers.push(row.subarray(at, at + 65_536));
    expect(answers.mayBeFollowed).toBe(at + 65_536 >= row.length);
  }
  answers.push(readyForQuery);
  expect(answers.mayBeFollowed).toBe(true);
});

test.each([
  ['nothing at all', Buffer.alloc(0)],
  ['only a request for encryption that was declined', Buffer.from('N')],
  ['an encrypted conversation', Buffer.concat([Buffer.from('S'), authenticationOk, readyForQuery])],
  ['an end that was told already', Buffer.concat([authenticationOk, readyForQuery, message('E', Buffer.alloc(9))])],
  ['a length below its own size', Buffer.concat([authenticationOk, Buffer.from([0x44, 0, 0, 0, 3]), readyForQuery])],
  ['a negative length', Buffer.concat([authenticationOk, Buffer.from([0x44, 0xff, 0xff, 0xff, 0xfb])])],
  ['a type that there is not', Buffer.concat([authenticationOk, message('\0', Buffer.alloc(4))])],
])('nothing may follow %s', (_what, bytes) => {
  expect(pushAll(bytes).mayBeFollowed).toBe(false);
  expect(pushAll(Buffer.concat([bytes]), [1, 2, 3, 4, 5, 6, 7, 8]).mayBeFollowed).toBe(false);
});

test('knows the client’s goodbye', () => {
  expect(isGoodbye(message('X', Buffer.alloc(0)))).toBe(true);
  expect(isGoodbye(Buffer.concat([message('Q', Buffer.from('select 1\0')), message('X', Buffer.alloc(0))]))).toBe(true);
  expect(isGoodbye(message('Q', Buffer.from('select 1\0')))).toBe(false);
  expect(isGoodbye(Buffer.from('X'))).toBe(false);
});
