import { nationalIds } from './detector-national-ids.js';
import { lookAlikes } from './detector-look-alikes.js';
import { createDraw, type Draw } from './draw.js';
import type { DetectorName } from '../../src/masking/types.js';

/** One text with at most one secret in it, at [start, end) of its characters. */
export interface Sample {
  /** A class of secrets, or the look-alike's kind. */
  readonly label: string;
  /** The detector that must find it; null for a look-alike. */
  readonly detector: DetectorName | null;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** How a value stands in a database: alone, in prose, in JSON, in CSV, in a log line. */
const contexts: readonly (readonly [string, string])[] = [
  ['', ''],
  ['Please note ', ' for the record'],
  ['see: ', '.'],
  ['{"value":"', '","n":1}'],
  ['a,b,', ',d'],
  ['[2024-03-01 12:00:00] user gave ', '; done'],
  ['(', ')'],
  ['first line\n', '\nlast line'],
];

/** The whole corpus, the same for a seed: every class of secrets, and everything that looks like one and is none. */
export function detectorCorpus(seed: number, perForm = 100): readonly Sample[] {
  const draw = createDraw(seed);
  const samples: Sample[] = [];
  const add = (label: string, detector: DetectorName | null, value: string): void => {
    const [before, after] = draw.pick(contexts);
    const [lead = '', secret = lead] = value.split(bound);
    const start = detector === null ? 0 : before.length + (secret === lead ? 0 : lead.length);
    samples.push({
      label,
      detector,
      text: before + value.replaceAll(bound, '') + after,
      start,
      end: detector === null ? 0 : start + secret.length,
    });
  };
  for (const [label, detector, forms] of secrets) {
    for (const form of forms) for (let count = 0; count < perForm; count++) add(label, detector, form(draw));
  }
  for (const [kind, make] of Object.entries(lookAlikes)) {
    for (let count = 0; count < perForm * 2; count++) add(kind, null, make(draw));
  }
  return samples;
}

/** A form is secret as a whole, or between two of these. */
const bound = '\0';
type Form = (draw: Draw) => string;
const words = ['ada', 'grace', 'li.wei', 'o.neil', 'jean-luc', 'm_garcia', 'sales+eu', 'x9', 'no-reply', 'Anna.Maria'];
const hosts = ['example.com', 'mail.example.co.uk', 'corp.example', 'exa-mple.org', 'uni.edu', 'sub.domain.io'];

const email: readonly Form[] = [
  (draw) => `${draw.pick(words)}${draw.digits(2)}@${draw.pick(hosts)}`,
  (draw) => `${draw.letters(8)}@${draw.letters(6)}.${draw.pick(['com', 'de', 'info', 'museum', 'xn--p1ai'])}`,
  (draw) => `${draw.pick(['müller', 'иван', '山田'])}${draw.digits(1)}@${draw.pick(hosts)}`,
];

const card: readonly Form[] = [
  ...[
    ['4', 16],
    ['51', 16],
    ['2221', 16],
    ['37', 15],
    ['6011', 16],
    ['3530', 16],
    ['30', 14],
    ['62', 16],
  ].map(
    ([prefix, length]) =>
      (draw: Draw) =>
        luhn(draw, prefix === '30' ? '300' : String(prefix), Number(length)),
  ),
  (draw) => grouped(luhn(draw, '4', 16), ' '),
  (draw) => grouped(luhn(draw, '54', 16), '-'),
];

/** Countries with the shape of their account part: n digits, a letters, c either. */
const ibanShapes = [
  'DE 18n',
  'GB 4a14n',
  'FR 10n11c2n',
  'ES 20n',
  'NL 4a10n',
  'CH 5n12c',
  'IT 1a10n12c',
  'PL 24n',
  'NO 11n',
  'SE 20n',
  'MT 4a5n18c',
  'AE 19n',
];
const iban: readonly Form[] = [ibanOf, (draw) => ibanOf(draw).replaceAll(/(.{4})(?=.)/g, '$1 ')];

function ibanOf(draw: Draw): string {
  const [country = '', shape = ''] = draw.pick(ibanShapes).split(' ');
  const body = shape.replaceAll(/(\d+)([nac])/g, (_, count: string, kind: string) =>
    Array.from({ length: Number(count) }, () =>
      kind === 'n'
        ? draw.digits(1)
        : kind === 'a'
          ? draw.letters(1).toUpperCase()
          : draw.pick([...'0123456789ABCDEFGHJKLMNPQRSTUVWXYZ']),
    ).join(''),
  );
  const numbers = [...`${body}${country}00`].map((char) => Number.parseInt(char, 36).toString()).join('');
  return `${country}${String(98n - (BigInt(numbers) % 97n)).padStart(2, '0')}${body}`;
}

const nanp = (draw: Draw): readonly [string, string, string] => [
  `${draw.between(2, 9)}${draw.digits(2)}`,
  `${draw.between(2, 9)}${draw.digits(2)}`,
  draw.digits(4),
];
const phone: readonly Form[] = [
  (draw) => `+49${draw.between(15, 17)}${draw.digits(9)}`,
  (draw) => `+49 ${draw.between(30, 89)} ${draw.digits(3)} ${draw.digits(4)}`,
  (draw) => `+44 7${draw.digits(3)} ${draw.digits(6)}`,
  (draw) => `+44 (0)20 ${draw.digits(4)} ${draw.digits(4)}`,
  (draw) => `+33 ${draw.between(1, 9)} ${draw.digits(2)} ${draw.digits(2)} ${draw.digits(2)} ${draw.digits(2)}`,
  (draw) => `+1 ${nanp(draw).join('-')}`,
  (draw) => `+1${nanp(draw).join('')}`,
  (draw) => `+86 1${draw.digits(2)} ${draw.digits(4)} ${draw.digits(4)}`,
  (draw) => `+358 ${draw.digits(2)} ${draw.digits(7)}`,
  (draw) => `+${draw.pick(['7', '91', '351', '972'])}-9${draw.digits(9)}`.slice(0, 14),
  (draw) => `0041 ${draw.between(21, 79)} ${draw.digits(3)} ${draw.digits(2)} ${draw.digits(2)}`,
  (draw) => `(${nanp(draw)[0]}) ${nanp(draw)[1]}-${draw.digits(4)}`,
  (draw) => nanp(draw).join('-'),
  (draw) => nanp(draw).join('.'),
  (draw) => `1-${nanp(draw).join('-')}`,
];

const base64Url = (draw: Draw, length: number): string =>
  draw.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', length);
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt: readonly Form[] = [
  (draw) =>
    `${encode({ alg: draw.pick(['HS256', 'RS256', 'ES256']), typ: 'JWT' })}.${encode({ sub: draw.digits(6), iat: draw.between(1, 2e9) })}.${base64Url(draw, 43)}`,
  (draw) =>
    `${encode({ kid: draw.letters(8), alg: 'EdDSA' })}.${encode({ aud: draw.letters(5), scope: 'openid' })}.${base64Url(draw, 86)}`,
];

const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const prefixed =
  (prefix: string, length: number, alphabet = alphanumeric): Form =>
  (draw) =>
    prefix + draw.from(alphabet, length);
const apiKeys: readonly Form[] = [
  prefixed('ghp_', 36),
  prefixed('github_pat_', 60),
  prefixed('glpat-', 20),
  prefixed('sk_live_', 24),
  prefixed('AKIA', 16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'),
  prefixed('AIza', 35),
  prefixed('npm_', 36),
  prefixed('hvs.', 24),
  prefixed('shpat_', 32, '0123456789abcdef'),
  (draw) => `xoxb-${draw.digits(12)}-${draw.from(alphanumeric, 24)}`,
  (draw) => `SG.${base64Url(draw, 22)}.${base64Url(draw, 43)}x`,
  (draw) => `sk-proj-${draw.from(alphanumeric, 40)}a1b2`,
];

const password = (draw: Draw): string =>
  `${draw.from(alphanumeric, 9)}${draw.pick(['!', '%40', '_', '+', ''])}${draw.digits(2)}x`;
const host = (draw: Draw): string =>
  draw.pick(['db.internal', '10.2.0.7:5432', 'cluster0.mongodb.example', '[2001:db8::7]:6379']);
const uriWith =
  (scheme: string, user: Form): Form =>
  (draw) =>
    `${scheme}://${bound}${user(draw)}${bound}@${host(draw)}${draw.pick(['', '/', '/app', '/app?sslmode=require'])}`;
const connectionStrings: readonly Form[] = [
  uriWith('postgres', (draw) => `${draw.letters(6)}:${password(draw)}`),
  uriWith('postgresql', (draw) => `${draw.letters(6)}:${draw.letters(7)}`),
  uriWith('mongodb+srv', (draw) => `${draw.letters(5)}:${password(draw)}`),
  uriWith('redis', (draw) => `:${password(draw)}`),
  uriWith('https', (draw) => `x-access-token:${draw.from(alphanumeric, 40)}`),
  uriWith('amqp', (draw) => `${draw.letters(4)}:p@ss${draw.digits(3)}`),
  (draw) => `host=${host(draw)} user=repl password=${bound}${draw.letters(8)}${bound} dbname=app`,
  (draw) => `user=repl password=${bound}'${draw.letters(4)} \\'${draw.digits(3)}'${bound} host=${host(draw)} port=5432`,
  (draw) =>
    `Server=${draw.letters(5)};Database=shop;User Id=app;Password=${bound}${password(draw)}${bound};Encrypt=True`,
  (draw) => `jdbc:postgresql://${draw.letters(5)}/shop?user=app&password=${bound}${draw.letters(9)}${bound}&ssl=true`,
  (draw) => `PGPASSWORD=${bound}${password(draw)}${bound} psql`,
];

const pem =
  (label: string): Form =>
  (draw) =>
    [
      `-----BEGIN ${label}-----`,
      draw.from(alphanumeric, 64),
      draw.from(alphanumeric, 40),
      `-----END ${label}-----`,
    ].join('\n');
const privateKeys: readonly Form[] = [
  ...[
    'RSA PRIVATE KEY',
    'EC PRIVATE KEY',
    'PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'PGP PRIVATE KEY BLOCK',
  ].map(pem),
  prefixed('AGE-SECRET-KEY-1', 58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'),
];

const secrets: readonly (readonly [string, DetectorName, readonly Form[]])[] = [
  ['email', 'email', email],
  ['card', 'card', card],
  ['iban', 'iban', iban],
  ['phone', 'phone', phone],
  ['national-id', 'national-id', nationalIds],
  ['api-key', 'token', apiKeys],
  ['jwt', 'token', jwt],
  ['connection-string', 'token', connectionStrings],
  ['private-key', 'private-key', privateKeys],
];

function luhn(draw: Draw, prefix: string, length: number): string {
  const body = prefix + draw.digits(length - 1 - prefix.length);
  for (const check of '0123456789') {
    const reversed = [...(body + check)].toReversed().map(Number);
    const sum = reversed.reduce(
      (total, digit, at) => total + (at % 2 === 0 ? digit : ([0, 2, 4, 6, 8, 1, 3, 5, 7, 9][digit] ?? 0)),
      0,
    );
    if (sum % 10 === 0) return body + check;
  }
  throw new Error('no check digit fits');
}

function grouped(digits: string, by: string): string {
  return digits.replaceAll(/(.{4})(?=.)/g, `$1${by}`);
}
