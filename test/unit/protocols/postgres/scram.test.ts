import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ScramClient, ScramServer } from '../../../../src/protocols/postgres/scram.js';

/** The exchange of RFC 7677, section 3: user "user", password "pencil". */
const rfc = {
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

/** A verifier as PostgreSQL stores it. */
function verifierOf(password: string, salt = 'W22ZaJ0SNY7soEsUEjb6gQ=='): string {
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), 4096, 32, 'sha256');
  const key = (name: string): Buffer => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$4096:${salt}$${stored}:${key('Server Key').toString('base64')}`;
}

describe('SCRAM-SHA-256', () => {
  it('speaks the client’s side of RFC 7677’s example', async () => {
    const client = new ScramClient('pencil', rfc.nonce, 'user');
    expect(client.first()).toBe(rfc.clientFirst);
    expect(await client.final(rfc.serverFirst)).toBe(rfc.clientFinal);
    expect(() => client.verify(rfc.serverFinal)).not.toThrow();
  });

  it('speaks the server’s side of RFC 7677’s example', () => {
    const server = new ScramServer(verifierOf('pencil'), rfc.serverNonce);
    expect(server.first(rfc.clientFirst)).toBe(rfc.serverFirst);
    expect(server.final(rfc.clientFinal)).toBe(rfc.serverFinal);
  });

  it.each(['secret', '', 'pässwörd', 'a,b=c', '𝔘𝔫𝔦'])('agrees with itself on the password %j', async (password) => {
    const client = new ScramClient(password);
    const server = new ScramServer(verifierOf(password.normalize('NFKC')));
    const final = server.final(await client.final(server.first(client.first())));
    expect(final).not.toBeNull();
    expect(() => client.verify(final ?? '')).not.toThrow();
  });

  it('lets no other password in, and no other nonce, binding or proof', async () => {
    const attempt = async (change: (final: string) => string, password = 'pencil'): Promise<string | null> => {
      const client = new ScramClient(password);
      const server = new ScramServer(verifierOf('pencil'));
      return server.final(change(await client.final(server.first(client.first()))));
    };
    expect(await attempt((final) => final)).toMatch(/^v=/);
    expect(await attempt((final) => final, 'pencils')).toBeNull();
    expect(await attempt((final) => final.replace('c=biws', 'c=eSws'))).toBeNull();
    expect(await attempt((final) => final.replace(/r=./, 'r=~'))).toBeNull();
    expect(await attempt((final) => final.replace(/,p=.*/, ''))).toBeNull();
    expect(await attempt((final) => final.replace(/,p=.*/, ',p='))).toBeNull();
    expect(await attempt((final) => final.replace(/,p=.*/, `,p=${Buffer.alloc(32).toString('base64')}`))).toBeNull();
  });

  it.each([
    '',
    'n,,',
    'p=tls-server-end-point,,n=,r=x',
    'n,a=admin,n=,r=x',
    'n,,n=,r=',
    'n,,m=x,n=,r=y',
    `n,,n=,r=${'x'.repeat(300)}`,
    'n,,n=,r=a b',
  ])('refuses the client’s first message %j', (first) => {
    expect(() => new ScramServer(verifierOf('x')).first(first)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it.each(['', 'md5abc', 'SCRAM-SHA-256$1:a$b:c', 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$short:short'])(
    'refuses the verifier %j',
    (verifier) => {
      expect(() => new ScramServer(verifier)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );

  it.each(['', 'v=', 'e=other-error', 'v=AAAA', rfc.serverFinal.replace('6', '7')])(
    'does not believe a server that says %j at the end',
    async (final) => {
      const client = new ScramClient('pencil', rfc.nonce, 'user');
      await client.final(rfc.serverFirst);
      expect(() => client.verify(final)).toThrow(expect.objectContaining({ code: 'protocol' }));
      expect(() => new ScramClient('pencil').verify(rfc.serverFinal)).toThrow(
        expect.objectContaining({ code: 'protocol' }),
      );
    },
  );
});
