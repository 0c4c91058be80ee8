import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, SluiceError } from '../lib/errors.js';
import { usage } from './usage.js';

export interface BootstrapAnswers {
  readonly dir: string;
  readonly url: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly audience: string;
  /** HOST:PORT; an IPv6 host stands in brackets. */
  readonly listen: string;
}

/** Writes gateway.json, only if there is none. The gateway itself checks it when it starts. */
export async function writeBootstrap(answers: BootstrapAnswers): Promise<{ readonly file: string }> {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(answers.listen) ?? [];
  if (host === '' || Number(port) > 65535) throw usage(`--listen expects HOST:PORT, not "${answers.listen}".`);
  for (const [flag, url] of [
    ['--url', answers.url],
    ['--issuer', answers.issuer],
  ] as const)
    if (!URL.canParse(url)) throw usage(`${flag} expects a URL, not "${url}".`);
  const dir = resolve(answers.dir);
  const bootstrap = {
    listen: { host: host.replace(/^\[|\]$/g, ''), port: Number(port), tls: null },
    publicUrl: answers.url,
    stateDir: join(dir, 'state'),
    issuers: [{ url: answers.issuer, audience: answers.audience, clientId: answers.clientId }],
    listeners: { postgres: null },
  };
  const file = join(dir, 'gateway.json');
  try {
    await mkdir(bootstrap.stateDir, { recursive: true, mode: 0o700 });
    await writeFile(file, `${JSON.stringify(bootstrap, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    throw new SluiceError('local', `Cannot write ${file}: ${messageOf(cause)}`, { decider: 'local', cause });
  }
  return { file };
}
