import { expect, it } from 'vitest';
import { scrubText } from '../../../src/masking/scrub.js';
import { compileDetectors, findSpans } from '../../../src/masking/detectors.js';

const mask = (text: string): string => scrubText(text, { token: 'mask', email: 'mask' });

it.each([
  [
    'postgres://app:hunter2@db.internal:5432/shop?sslmode=require',
    'postgres://***@db.internal:5432/shop?sslmode=require',
  ],
  ['redis://:s3cret@[2001:db8::7]:6379', 'redis://***@[2001:db8::7]:6379'],
  [`postgres://app:${'token'.repeat(700)}@db.example`, 'postgres://***@db.example'],
  ['amqp://app:p@ss@mq.example', 'amqp://***@mq.example'],
  ['{"url":"mongodb+srv:\\/\\/app:pw@c0.example\\/shop"}', '{"url":"mongodb+srv:\\/\\/***@c0.example\\/shop"}'],
  ['a https://x:y@one.example and https://z:w@two.example', 'a https://***@one.example and https://***@two.example'],
  [
    'user=replicator password=secret channel_binding=prefer host=10.0.0.1',
    'user=replicator password=*** channel_binding=prefer host=10.0.0.1',
  ],
  ["host=db user=repl password='it\\'s secret' port=5432", 'host=db user=repl password=*** port=5432'],
  [
    'Server=db1;User Id=app;Password=open sesame;Encrypt=True',
    'Server=db1;User Id=app;Password=*** sesame;Encrypt=True',
  ],
  [
    'jdbc:postgresql://db/shop?user=app&password=letmein&ssl=true',
    'jdbc:postgresql://db/shop?user=app&password=***&ssl=true',
  ],
  ['export PGPASSWORD=9fK2mQ81xz', 'export PGPASSWORD=***'],
  [`host=db user=repl password=${'x'.repeat(5000)} port=1`, 'host=db user=repl password=*** port=1'],
  ["host=db password='never ended", 'host=db password=***'],
])('masks the password in %s', (text, masked) => {
  expect(mask(text)).toBe(masked);
});

it.each([
  'https://db.example:8443/at?time=10:30',
  'https://social.example/@ada/a:b',
  'ssh://git@code.example:22/x.git',
  'http://[::1]:8080/a@b',
  'postgres://app:@db.example/shop',
  'update t set password=$1 where user=$2',
  'password=${DB_PASSWORD} host=db',
  'password=required',
  "host=db user=repl password=''",
  'user=app password=<secret>',
  'password=',
])('leaves %s alone, which has none', (text) => {
  expect(mask(text)).toBe(text);
});

it('takes an address behind another value for what it is', () => {
  expect(mask('https://example.com,ada@example.org')).toBe('https://example.com,***@***.org');
});

it('looks at hostile text in time that grows with its length alone', () => {
  const detectors = compileDetectors({ token: 'mask', email: 'mask' });
  if (detectors === null) throw new Error('none');
  for (const unit of [
    '://',
    '://a:',
    'password=',
    "password='",
    'password=a ',
    "password='\\",
    '://a:b@',
    '@',
    `${'a'.repeat(4000)}@`,
    'pwd=12ab12ab',
  ]) {
    const bytes = Buffer.from(unit.repeat(400_000 / unit.length));
    const started = process.cpuUsage();
    findSpans(bytes, 0, bytes.length, detectors);
    expect(process.cpuUsage(started).user / 1e6, unit).toBeLessThan(5);
  }
});
