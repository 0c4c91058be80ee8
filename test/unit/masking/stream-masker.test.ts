import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileDetectors } from '../../../src/masking/detectors.js';
import { StreamMasker } from '../../../src/masking/stream-masker.js';

const all = compileDetectors({ email: 'mask', card: 'mask', token: 'mask', 'private-key': 'mask', iban: 'mask' });
if (all === null) throw new Error('no detectors');
const token = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
const stars = (text: string): string => '*'.repeat(text.length);

/** All that comes out when the text arrives in these pieces and nothing more. */
function through(pieces: readonly string[], options: { readonly minHeld?: number } = {}): string {
  const masker = new StreamMasker(all ?? never(), options);
  return Buffer.concat([...pieces.map((piece) => masker.push(Buffer.from(piece))), masker.flush()]).toString();
}
function never(): never {
  throw new Error('never');
}

describe('a stream of output', () => {
  it.each([
    ['a token', `key ${token} end`, `key ${stars(token)} end`],
    ['an address', 'to ada@corp.example, ok', 'to ****************, ok'],
    ['a card', 'pay 4111 1111 1111 1111.', 'pay *******************.'],
    ['a token in colour', `\u001b[31m${token}\u001b[0m.`, `\u001b[31m${stars(token)}\u001b[0m.`],
    [
      'a token with a colour in it',
      `${token.slice(0, 20)}\u001b[1m${token.slice(20)} .`,
      `${stars(token.slice(0, 20))}\u001b[1m${stars(token.slice(20))} .`,
    ],
    ['a token in a title', `\u001b]0;${token}\u0007x`, `\u001b]0;${stars(token)}\u0007x`],
    ['nothing', 'plain text\r\n$ ', 'plain text\r\n$ '],
  ])('has %s masked, whole or cut anywhere', (_, text, masked) => {
    expect(through([text])).toBe(masked);
    for (let cut = 1; cut < text.length; cut++) expect(through([text.slice(0, cut), text.slice(cut)])).toBe(masked);
    expect(through([...text])).toBe(masked);
  });

  it('has a private key masked line by line, so that the screen keeps its lines', () => {
    const key = `-----BEGIN OPENSSH PRIVATE KEY-----\r\n${'b3BlbnNzaC1rZXk\r\n'.repeat(40)}-----END OPENSSH PRIVATE KEY-----`;
    const masked = key.replace(/[^\r\n]/g, '*');
    expect(through([`x\n${key}\ny`])).toBe(`x\n${masked}\ny`);
    expect(through([...`x\n${key}\ny`])).toBe(`x\n${masked}\ny`);
    const masker = new StreamMasker(all);
    const flushedInBetween = [...`x\n${key}\ny`].map(
      (piece) => masker.push(Buffer.from(piece)).toString() + masker.flush().toString(),
    );
    const shown = flushedInBetween.join('');
    expect(shown.slice(shown.indexOf('KEY-----') + 8)).not.toContain('b3Blb');
  });

  it('shows single keys at once, and masks what they add up to', () => {
    const masker = new StreamMasker(all, { minHeld: 8 });
    expect([...'ls -l'].map((key) => masker.push(Buffer.from(key)).toString())).toEqual([...'ls -l']);
    const typed = [...` ${token}`]
      .map((key) => masker.push(Buffer.from(key)).toString() + masker.flush().toString())
      .join('');
    expect(typed).not.toContain(token);
  });

  it('never changes the number of bytes, holds back little, and shows all that is no secret', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.string({ maxLength: 12 }),
        fc.constantFrom('\u001b[', '\u001b]', '\u001b', '31m', token, 'a@b.example', '\r\n'),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const masker = new StreamMasker(all);
        const out: Buffer[] = [];
        for (const part of parts) {
          out.push(masker.push(Buffer.from(part)));
          expect(masker.held).toBeLessThan(64 * 1024);
        }
        out.push(masker.flush());
        const given = Buffer.from(parts.join(''));
        const shown = Buffer.concat(out);
        expect(shown.length).toBe(given.length);
        for (let index = 0; index < shown.length; index++) expect([given[index], 0x2a]).toContain(shown[index]);
        expect(shown.toString('latin1')).toBe(Buffer.from(through([parts.join('')])).toString('latin1'));
      }),
      { numRuns: 500 },
    );
  });
});

describe('bytes that are no text', () => {
  /** The same bytes each time: a key stream. */
  const noise = (bytes: number, seed: number): Buffer =>
    createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));
  const piped = (bytes: Buffer): Buffer => {
    const masker = new StreamMasker(all ?? never());
    const out: Buffer[] = [];
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7919) % 32_749)
      out.push(masker.push(bytes.subarray(at, at + size)));
    return Buffer.concat([...out, masker.flush()]);
  };

  it('pass as they are, megabytes of them, but for what reads as an address', () => {
    // By chance a letter, an @, a dot and two letters more stand together once in sixteen megabytes.
    const address = /^[\p{L}\p{N}._%+!#$&*?^~`'-]+@(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}$/u;
    const found: string[] = [];
    for (let seed = 1; seed <= 8; seed++) {
      const bytes = noise(1024 * 1024, seed);
      const out = piped(bytes);
      expect(out.length).toBe(bytes.length);
      for (let at = 0; at < out.length; at++) {
        const from = at;
        while (out[at] !== bytes[at] || (at > from && out[at] === 0x2a)) at++;
        if (at > from) found.push(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(from, at)));
      }
    }
    for (const each of found) expect(each).toMatch(address);
    expect(found).toEqual(['Z@q.HY']);
  });

  it('are no letters of an address, nor are halves of characters', () => {
    for (const [before, after] of [
      ['\u0000', '\u0000'],
      ['\u00ff', '\u00fe'],
      ['\u0080\u00a9', '\u00c3'], // half a character each
      ['\u00c0\u00af', '\u00ed\u00a0\u0080'], // an overlong form, a surrogate
    ] as const) {
      const around = (text: string): string => `${before}${text}${after}\u0000`;
      const bytes = Buffer.from(around('ada@corp.example'), 'latin1');
      expect(piped(bytes).toString('latin1')).toBe(around(stars('ada@corp.example')));
      expect(piped(Buffer.from(around(' @corp.example '), 'latin1')).toString('latin1')).toBe(
        around(' @corp.example '),
      );
      expect(piped(Buffer.from(`ada@${around('')}.example`, 'latin1')).toString('latin1')).toBe(
        `ada@${around('')}.example`,
      );
    }
  });

  it('hide no address that is among them: of ASCII or not, in one piece or in several', () => {
    const addresses = ['ada@corp.example', 'müller@exämple.de', 'ю@почта.рф', 'o’brien+x@mail.example.co.uk', 'a@b.co'];
    const bytes = noise(2 * 1024 * 1024, 9);
    const expected = Buffer.from(bytes);
    for (let at = 100, each = 0; at + 100 < bytes.length; at += 997, each++) {
      const address = Buffer.from(addresses[each % addresses.length] ?? '');
      const border = Buffer.alloc(3, each % 2 === 0 ? 0 : 0xff);
      for (const [to, what] of [
        [bytes, address],
        [expected, Buffer.alloc(address.length, '*')],
      ] as const)
        Buffer.concat([border, what, border]).copy(to, at);
    }
    expect(piped(bytes).equals(expected)).toBe(true);
  });
});
