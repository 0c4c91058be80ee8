import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseGatewayUrl } from '../../../src/client/gateway-url.js';
import { Profiles, type Profile } from '../../../src/client/profiles.js';
import { temporaryEnvironment } from './small-gateway.js';

let environment: ReturnType<typeof temporaryEnvironment>;
let profiles: Profiles;
beforeEach(() => {
  environment = temporaryEnvironment();
  profiles = new Profiles(environment.configDir);
});
afterEach(() => environment.remove());

const none = { profile: null, gateway: null };
function save(name: string, gateway: string): Profile {
  const profile: Profile = { name, gateway, user: 'ann', credentials: 'file' };
  profiles.save(profile);
  return profile;
}

test('the first profile is the default, and flags choose another', () => {
  const work = save('work', 'https://a.example');
  const play = save('play', 'https://b.example');
  expect(profiles.resolve(none)).toEqual(work);
  expect(profiles.resolve({ profile: 'play', gateway: null })).toEqual(play);
  expect(profiles.resolve({ profile: null, gateway: 'b.example/' })).toEqual(play);
  expect(statSync(join(environment.configDir, 'config.json')).mode & 0o777).toBe(0o600);
});

test('a gateway without a profile has no login', () => {
  save('work', 'https://a.example');
  expect(profiles.resolve({ profile: null, gateway: 'https://c.example' })).toMatchObject({ credentials: null });
  expect(profiles.resolve({ profile: 'work', gateway: 'https://c.example' })).toMatchObject({
    gateway: 'https://c.example',
    credentials: null,
  });
});

test('says how to log in when there is no profile', () => {
  expect(() => profiles.resolve(none)).toThrow('Not logged in to any gateway');
  expect(() => profiles.resolve({ profile: 'x', gateway: null })).toThrow('There is no profile "x"');
});

test('removing the default leaves another one', () => {
  save('work', 'https://a.example');
  const play = save('play', 'https://b.example');
  profiles.remove('work');
  expect(profiles.resolve(none)).toEqual(play);
});

test('a damaged file is named, strange entries are left out', () => {
  save('work', 'https://a.example');
  const file = join(environment.configDir, 'config.json');
  writeFileSync(
    file,
    '{"profiles":{"../x":{"gateway":"https://x.example"},"y":7,"ok":{"gateway":"https://ok.example"}}}',
  );
  expect(profiles.list().map(({ name }) => name)).toEqual(['ok']);
  writeFileSync(file, 'not json');
  expect(() => profiles.list()).toThrow('config.json is not valid JSON');
});

test.each([
  ['gateway.example', 'https://gateway.example'],
  ['https://gateway.example:8443/sluice/', 'https://gateway.example:8443/sluice'],
  ['127.0.0.1:7480', 'http://127.0.0.1:7480'],
  ['http://localhost:7480/', 'http://localhost:7480'],
  ['http://[::1]:1', 'http://[::1]:1'],
])('reads %s as %s', (text, url) => {
  expect(parseGatewayUrl(text)).toBe(url);
});

test.each(['', 'ftp://a.example', 'http://gateway.example', 'https://user:pw@gateway.example', 'a b'])(
  'refuses "%s" as an address',
  (text) => {
    expect(() => parseGatewayUrl(text)).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
  },
);
