import type { Draw } from './draw.js';

const hex = '0123456789abcdef';
const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const base64 = `${upper}abcdefghijklmnopqrstuvwxyz0123456789+/`;
const two = (value: number): string => String(value).padStart(2, '0');
const day = (draw: Draw): string =>
  `${draw.between(1990, 2030)}-${two(draw.between(1, 12))}-${two(draw.between(1, 28))}`;
const time = (draw: Draw): string =>
  `${two(draw.between(0, 23))}:${two(draw.between(0, 59))}:${two(draw.between(0, 59))}`;
const luhn = (body: string): string => {
  const doubled = [...body].toReversed().map((digit, at) => (at % 2 === 0 ? Number(digit) * 2 : Number(digit)));
  const total = doubled.reduce((all, digit) => all + (digit > 9 ? digit - 9 : digit), 0);
  return `${body}${(10 - (total % 10)) % 10}`;
};
const ean = (body: string): string => {
  const total = [...body].reduce((all, digit, at) => all + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return `${body}${(10 - (total % 10)) % 10}`;
};

/** What fills real columns and looks like a secret to a careless detector, by kind. */
export const lookAlikes: Readonly<Record<string, (draw: Draw) => string>> = {
  'order number': (draw) => draw.digits(draw.between(5, 20)),
  'order number of 16 digits': (draw) => draw.digits(16),
  'order number of 11 digits': (draw) => draw.digits(11),
  'zero-padded number': (draw) => draw.digits(draw.between(4, 8)).padStart(12, '0'),
  'order number with a prefix': (draw) => `${draw.pick(['ORD-', 'INV-2024-', 'PO', 'SO#'])}${draw.digits(8)}`,
  'order number with a date': (draw) => `${day(draw).replaceAll('-', '')}-${draw.digits(4)}`,
  'order number in groups': (draw) => `${draw.digits(3)}-${draw.digits(7)}-${draw.digits(7)}`,
  'part number': (draw) => `${draw.from(upper, 2)}-${draw.digits(4)}-${draw.from(upper, 2)}`,
  'part number of letters and digits': (draw) => `${draw.from(upper, 3)}${draw.digits(5)}${draw.from(upper, 1)}`,
  'MD5 or SHA hash': (draw) => draw.from(hex, draw.pick([32, 40, 64, 128])),
  'short commit': (draw) => draw.from(hex, draw.between(7, 12)),
  version: (draw) =>
    `${draw.pick(['', 'v'])}${draw.between(0, 30)}.${draw.between(0, 99)}.${draw.between(0, 999)}${draw.pick(['', '-rc.1', '+build.77'])}`,
  'version of four parts': (draw) => `10.0.${draw.digits(5)}.${draw.digits(4)}`,
  UUID: (draw) => [8, 4, 4, 4, 12].map((count) => draw.from(hex, count)).join('-'),
  'UUID of digits': (draw) => [8, 4, 4, 4, 12].map((count) => draw.digits(count)).join('-'),
  'timestamp with zone': (draw) =>
    `${day(draw)}T${time(draw)}.${draw.digits(6)}${draw.pick(['Z', '+02:00', '+0530', '-08'])}`,
  'timestamp as PostgreSQL prints it': (draw) => `${day(draw)} ${time(draw)}.${draw.digits(6)}+00`,
  'epoch seconds to nanoseconds': (draw) => `1${draw.digits(draw.pick([9, 12, 15, 18]))}`,
  date: (draw) => draw.pick([day(draw), day(draw).split('-').toReversed().join('.'), day(draw).replaceAll('-', '/')]),
  IMEI: (draw) => luhn(`${draw.pick(['35', '86', '01'])}${draw.digits(12)}`),
  ICCID: (draw) => luhn(`8949${draw.digits(14)}`),
  'EAN-13': (draw) => ean(`4${draw.digits(11)}`),
  ISBN: (draw) => ean(`978${draw.digits(9)}`).replace(/^(\d{3})(\d)(\d{4})(\d{4})/, '$1-$2-$3-$4-'),
  'IP address': (draw) =>
    `${draw.between(1, 223)}.${draw.between(0, 255)}.${draw.between(0, 255)}.${draw.between(1, 254)}:${draw.digits(4)}`,
  'IPv6 address': (draw) => `2001:db8:${draw.from(hex, 4)}:${draw.digits(4)}::${draw.from(hex, 4)}`,
  'MAC address': (draw) => Array.from({ length: 6 }, () => draw.from(hex, 2)).join(':'),
  coordinates: (draw) => `${draw.between(-89, 89)}.${draw.digits(6)}, +${draw.between(0, 179)}.${draw.digits(6)}`,
  amount: (draw) =>
    `${draw.pick(['', '-', '+'])}${draw.between(1, 999)},${draw.digits(3)},${draw.digits(3)}.${draw.digits(2)}`,
  'signed number': (draw) => `+${draw.digits(draw.between(2, 7))}`,
  'number with decimals': (draw) => `0.${draw.digits(16)}`,
  'card with a wrong digit': (draw) => wrong(luhn(`4${draw.digits(14)}`)),
  'IBAN with wrong check digits': (draw) => `DE${draw.pick(['00', '01', '99'])}${draw.digits(18)}`,
  'parcel number': (draw) =>
    draw.pick([`1Z${draw.from(upper, 3)}${draw.digits(13)}`, `JD0${draw.digits(15)}`, `RR${draw.digits(9)}DE`]),
  'social number never given': (draw) => `${draw.pick(['000', '666', '987'])}-${draw.digits(2)}-${draw.digits(4)}`,
  'local telephone extension': (draw) => `ext. ${draw.digits(4)}`,
  'North American number that cannot be': (draw) =>
    `${draw.pick(['012', '123', '199'])}-${draw.digits(3)}-${draw.digits(4)}`,
  'package at a version': (draw) => `${draw.letters(6)}@${draw.between(1, 20)}.${draw.between(0, 9)}.0`,
  'handle or local address': (draw) =>
    draw.pick([`@${draw.letters(7)}`, `${draw.letters(5)}@localhost`, `${draw.letters(4)} @ ${draw.letters(5)}.com`]),
  'git remote': (draw) => `git@${draw.letters(6)}:${draw.letters(5)}/${draw.letters(5)}`,
  'base 64': (draw) => `${draw.from(base64, 43)}=`,
  'base 64 of JSON': (draw) =>
    Buffer.from(JSON.stringify({ id: draw.digits(9), name: draw.letters(12) })).toString('base64url'),
  'public key': (draw) => `-----BEGIN PUBLIC KEY-----\n${draw.from(base64, 64)}\n-----END PUBLIC KEY-----`,
  certificate: (draw) => `-----BEGIN CERTIFICATE-----\n${draw.from(base64, 64)}\n-----END CERTIFICATE-----`,
  'SSH public key': (draw) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${draw.from(base64, 42)} host`,
  DOI: (draw) => `10.${draw.digits(4)}/${draw.letters(3)}.${draw.digits(6)}`,
  'file or URL path': (draw) =>
    `/srv/${draw.letters(5)}/${draw.digits(8)}/${draw.digits(4)}-${draw.digits(2)}.log?id=${draw.digits(9)}`,
  'address without a password': (draw) =>
    draw.pick([
      `https://${draw.letters(6)}.example:8443/${draw.letters(4)}?at=${draw.digits(2)}:${draw.digits(2)}`,
      `https://${draw.letters(6)}.example/@${draw.letters(5)}/a:b`,
      `ssh://git@${draw.letters(6)}.example:22/${draw.letters(5)}.git`,
      `postgres://${draw.letters(6)}@${draw.letters(4)}.example:5432/app`,
    ]),
  'password that is not there': (draw) =>
    draw.pick([
      `update accounts set password=$${draw.between(1, 9)} where id = $2`,
      'password=${DB_PASSWORD} host=db',
      `password=${draw.pick(['true', 'false', 'null', 'required'])}`,
      'connect(user=user, password=<secret>)',
      'the password= setting',
    ]),
  'vehicle number': (draw) => draw.from('ABCDEFGHJKLMNPRSTUVWXYZ0123456789', 17),
  'hexadecimal in a word': (draw) => `0x${draw.from(hex, 16)}`,
  'word with a key’s prefix': (draw) =>
    draw.pick([`sk-${draw.letters(8)}-${draw.letters(9)}`, `npm_${draw.letters(9)}`, 'AKIA', `hf_${draw.letters(5)}`]),
};

function wrong(card: string): string {
  return `${card.slice(0, -1)}${(Number(card.at(-1)) + 1) % 10}`;
}
