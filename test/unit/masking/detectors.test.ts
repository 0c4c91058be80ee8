import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCardNumber } from '../../../src/masking/card.js';
import { compileDetectors, findSpans, maskText } from '../../../src/masking/detectors.js';
import { scrubText } from '../../../src/masking/scrub.js';

const all = { email: 'mask', card: 'mask', 'private-key': 'mask', token: 'mask' } as const;
const mask = (text: string): string => scrubText(text, all);
const wellFormed = (text: string): string => Buffer.from(text).toString();
const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';

describe('detectors', () => {
  it.each([
    ['a@b.co', '***@***.co'],
    ['write to ada.lovelace@example.com, please', 'write to a***@***.com, please'],
    ['<bob.smith+tag@mail.example.co.uk>', '<b***@***.uk>'],
    ['mailto:bob@example.museum', 'mailto:***@***'],
    ["'boris@x.org'", "'b***@***.org'"],
    ["o'brien@x.org", 'o***@***.org'],
    ['müller@exämple.de', 'm***@***.de'],
    ['jürgen@example.xn--p1ai', 'j***@***'],
    ['end of sentence: carol@example.com.', 'end of sentence: c***@***.com.'],
    ['a@b.com,c@d.org;e@f.net', '***@***.com,***@***.org;***@***.net'],
    ['a@b@c.com', 'a@***@***.com'],
    ['user@example.com:8080/path', 'u***@***.com:8080/path'],
    [`${'x'.repeat(500)}@example.com`, `${'x'.repeat(372)}x***@***.com`],
  ])('finds the address in %s', (text, masked) => {
    expect(mask(text)).toBe(masked);
  });

  it.each([
    '@',
    'a@',
    '@b.com',
    'foo@bar',
    'a@b.c1',
    'a@-.-',
    'a@.com',
    'npm i pkg@1.2.3',
    '@handle and @other',
    'user@localhost',
    'x @ y.com',
  ])('leaves %s alone, which is no address', (text) => {
    expect(mask(text)).toBe(text);
  });

  it.each([
    '4111111111111111',
    '4012 8888 8888 1881',
    '5555-5555-5555-4444',
    '378282246310005',
    '3782 822463 10005',
    '6011111111111117',
    '30569309025904',
    '3530111333300000',
    '2223003122003222',
    '6200000000000005',
    '4222222222222',
    '2200 1234 5678 9019',
  ])('finds the card %s, alone and in a text', (card) => {
    const last = card.replace(/\D/g, '').slice(-4);
    expect(mask(card)).toBe(`****${last}`);
    expect(mask(`card:${card}; ok`)).toBe(`card:****${last}; ok`);
    expect(mask(`12 ${card} 123`)).toBe(`12 ****${last} 123`);
    expect(mask(`(${card})`)).toBe(`(****${last})`);
  });

  it.each([
    ['an order number', '1234567890123456'],
    ['a bad check digit', '4111111111111112'],
    ['a timestamp in ms', '1700000000000'],
    ['a timestamp in µs', '1700000000000000'],
    ['a timestamp in ns', '1700000000000000000'],
    ['a date and time', '2024-01-01 12:34:56.123456+00'],
    ['a compact date and time', '20240101123456'],
    ['a UUID', '550e8400-e29b-41d4-a716-446655440000'],
    ['a UUID of digits', '41111111-1111-4111-8111-111111111111'],
    ['a SHA-1', '4111111111111111aaaabbbbccccddddeeeeffff'],
    ['hex', 'a4111111111111111f'],
    ['an IMEI', '490154203237518'],
    ['an ICCID', '8914800000000000000'],
    ['an EAN-13', '4006381333931'],
    ['an IBAN', 'DE89370400440532013000'],
    ['an IBAN in groups', 'DE89 3704 0044 0532 0130 00'],
    ['a phone number', '+49 151 23456789'],
    ['a longer number', '41111111111111110000'],
    ['a fraction', '0.4111111111111111'],
    ['an IP address', '192.168.100.200'],
    ['a version', 'v4111111111111111'],
    ['an identifier', 'item_4111111111111111'],
    ['digits in mixed separators', '4111-1111 1111-1111'],
  ])('leaves %s alone', (_name, text) => {
    expect(mask(text)).toBe(text);
  });

  it('takes few random 16-digit numbers for cards', () => {
    let hits = 0;
    for (let count = 0; count < 20_000; count++) {
      const random = createHash('sha256').update(String(count)).digest().readBigUInt64BE();
      if (isCardNumber(random.toString().padStart(20, '0').slice(-16))) hits++;
    }
    expect(hits / 20_000).toBeLessThan(0.03);
  });

  it.each([
    ['ghp_abcdefghijklmnopqrstuvwxyz0123456789', 'ghp_***'],
    ['github_pat_11ABCDEFG0abcdefghijkl_mnop', 'github_pat_***'],
    ['glpat-abcdefghij0123456789', 'glpat-***'],
    ['sk_live_4eC39HqLyjWDarjtT1zdp7dc', 'sk_live_***'],
    ['sk-proj-abc123abc123abc123abc', 'sk-***'],
    ['AKIAIOSFODNN7EXAMPLE', 'AKIA***'],
    ['xoxb-123456789012-abcdefABCDEF', 'xoxb-***'],
    [`AIza${'Sy'.repeat(17)}0`, 'AIza***'],
    ['npm_abcdefghijklmnopqrstuvwxyz0123456789', 'npm_***'],
    ['hvs.CAESIabcdefghijklmnopqrstuvw', 'hvs.***'],
    ['SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz', 'SG.***'],
    [jwt, 'eyJ***'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----', '[private key]'],
    ['-----BEGIN PRIVATE KEY-----\nMIIEow and no end', '[private key]'],
    ['-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ\n-----END PGP PRIVATE KEY BLOCK-----', '[private key]'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----', '[private key]'],
  ])('finds the secret %s', (secret, masked) => {
    expect(mask(secret)).toBe(masked);
    if (!secret.includes('no end')) expect(mask(`token="${secret}" rest`)).toBe(`token="${masked}" rest`);
  });

  it.each([
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----',
    'ghp_short',
    'task-force-one-two-three-four-five-six-7',
    'sk-learn-is-a-library-with-a-long-name',
    'AKIA is a prefix',
    'eyJust a word',
    'the MAKIAIOSFODNN7EXAMPLE',
    'sk_test_',
  ])('leaves %s alone, which is no secret', (text) => {
    expect(mask(text)).toBe(text);
  });

  it('runs only what is on', () => {
    const text = `ada@example.com 4111111111111111 ${jwt}`;
    expect(scrubText(text, {})).toBe(text);
    expect(scrubText(text, { email: 'off', card: 'off', token: 'off' })).toBe(text);
    expect(scrubText(text, { card: 'mask' })).toBe(`ada@example.com ****1111 ${jwt}`);
    expect(compileDetectors({})).toBeNull();
  });

  it('finds each secret wherever it stands among others', () => {
    const secrets = [
      'ada.lovelace@example.com',
      '4111111111111111',
      'AKIAIOSFODNN7EXAMPLE',
      jwt,
      'ghp_abcdefghijklmnopqrstuvwxyz0123456789',
    ];
    const between = fc
      .stringMatching(/^[ -~äöü€\n]{0,20}$/)
      .map((text) => ` ${text.replace(/[A-Za-z0-9@._-]/g, ' ')} `);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(between, fc.constantFrom(...secrets)), { maxLength: 8 }),
        between,
        (parts, tail) => {
          const text = parts.map(([gap, secret]) => gap + secret).join('') + tail;
          const masked = mask(text);
          for (const secret of secrets) expect(masked).not.toContain(secret);
          for (const [gap] of parts) expect(masked).toContain(gap);
        },
      ),
    );
  });

  it('changes nothing in random text twice', () => {
    const detectors = compileDetectors(all);
    if (detectors === null) throw new Error('no detectors');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const once = maskText(wellFormed(text), detectors);
        expect(Buffer.from(once).toString()).toBe(once);
        expect(maskText(once, detectors)).toBe(once);
      }),
    );
  });

  it.each([
    '@',
    'a@',
    '4111 ',
    '4111-',
    'eyJ-',
    'sk-',
    'sk-1a',
    '-----BEGIN ',
    'ghp_',
    '1 ',
    'xoxb-',
    'AKIA',
    'é@é',
    '%@',
    "a'",
  ])('reads a megabyte of %s in linear time', (unit) => {
    const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
    // Of the processor, which a busy machine does not stretch; what is not linear would take hours.
    const before = process.cpuUsage();
    mask(text);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(5);
  });
});

describe('words', () => {
  const everything = { ...all, iban: 'mask', phone: 'mask', 'national-id': 'mask' } as const;

  it.each([
    '550e8400-e29b-41d4-a716-446655440000',
    'd41d8cd98f00b204e9800998ecf8427e',
    'commit 9fceb02d0ae598e95dc970b74767f19372d61af8',
    'v18n2x4y order12345678901234567',
  ])('passes over %s', (text) => {
    expect(scrubText(text, everything)).toBe(text);
  });

  it.each([
    'DE89370400440532013000',
    'de89370400440532013000',
    '12345678Z',
    '11010519491231002X',
    '11010519491231002x',
  ])('finds %s, which is a word of letters and digits', (secret) => {
    for (const [before, after] of [
      ['', ''],
      ['see ', ' there'],
      ['a1b2 ', ' c3'],
      ['(', ')'],
    ]) {
      const masked = scrubText(`${before}${secret}${after}`, everything);
      expect(masked).not.toContain(secret.slice(-8));
      expect(masked.startsWith(before ?? '')).toBe(true);
      expect(masked.endsWith(after ?? '')).toBe(true);
    }
  });

  it('passes over nothing that a look at every one of them finds', () => {
    const detectors = compileDetectors(everything);
    if (detectors === null) throw new Error('no detectors');
    // A mark on every letter: no word is passed over for what it is made of.
    const marked = { ...detectors, classes: detectors.classes.map((kinds) => ((kinds & 1) === 0 ? kinds : kinds | 8)) };
    const secret = fc.constantFrom(
      ...[
        'ada@example.com',
        '4111 1111 1111 1111',
        '378282246310005',
        'DE89370400440532013000',
        'AKIAIOSFODNN7EXAMPLE',
      ],
      ...['NO93 8601 1117 947', 'MT84MALT011000012345MTLCAST001S', '+49 151 23456789', '0044 20 7946 0958'],
      ...['(415) 555-2671', '123-45-6789', '12345678Z', 'X1234567L', 'Z1234567-R', 'S1234567D', '131052A308T'],
      ...[
        '11010519491231002x',
        'RSSMRA85T10A562S',
        'AB123456C',
        'AB 12 34 56 C',
        '86095742719',
        '1 85 05 78 006 084 36',
      ],
    );
    const other = fc.oneof(
      fc.constantFrom(
        'the quick brown fox',
        'Some',
        'z',
        '550e8400-e29b-41d4-a716-446655440000',
        '2023-11-14T22:13:21Z',
      ),
      fc.stringMatching(/^[a-fxzA-GKSTX0-9 .@+_-]{0,14}$/),
    );
    const text = fc.array(fc.tuple(fc.oneof(secret, other), fc.constantFrom('', ' ', '-', ', ', 'ä')), {
      maxLength: 6,
    });
    let found = 0;
    fc.assert(
      fc.property(text, fc.nat(3), fc.nat(3), (parts, before, behind) => {
        const bytes = Buffer.from(parts.flat().join(''));
        const end = Math.max(before, bytes.length - behind);
        const spans = findSpans(bytes, before, end, detectors);
        expect(spans).toEqual(findSpans(bytes, before, end, marked));
        if (spans !== null) found++;
      }),
      { numRuns: 3000 },
    );
    expect(found).toBeGreaterThan(500);
  });
});
