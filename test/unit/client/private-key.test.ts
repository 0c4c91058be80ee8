import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import { exportJWK, type JWK } from 'jose';
import { Provider } from 'oidc-provider';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loginAsMachine } from '../../../src/client/login-machine.js';
import { Profiles } from '../../../src/client/profiles.js';
import { openTokenSource } from '../../../src/client/tokens.js';
import { Transport } from '../../../src/client/transport.js';
import { createTokenVerifier } from '../../../src/identity/verifier.js';
import { close, listen, startSmallGateway, temporaryEnvironment, type SmallGateway } from './small-gateway.js';

let gateway: SmallGateway;
let environment: ReturnType<typeof temporaryEnvironment>;
let transport: Transport;
let server: Server;
let keyFile: string;
const mine = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A real provider that knows one machine, by its public key alone. */
beforeEach(async () => {
  gateway = await startSmallGateway();
  environment = temporaryEnvironment();
  transport = new Transport({ caFile: null, proxy: null });
  let answer: RequestListener = () => undefined;
  server = createServer((request, response) => answer(request, response));
  const issuer = await listen(server);
  const privateJwk: JWK = { ...(await exportJWK(signing.privateKey)), alg: 'ES256', kid: 'idp' };
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...privateJwk }] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], clientAuthSigningAlgValues: ['ES256'] },
    clients: [
      {
        client_id: 'deploy',
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [{ ...(await exportJWK(mine.publicKey)), kty: 'EC', use: 'sig' }] },
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: '',
          audience: gateway.url,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  });
  answer = provider.callback();
  gateway.issuer = issuer;
  gateway.demo = false;
  const trusted = { url: issuer, audience: gateway.url, groupsClaim: 'groups', nameClaim: 'email', machineClaim: null };
  gateway.verifier = createTokenVerifier([{ ...trusted, clockSkewSeconds: 0 }]);
  keyFile = join(environment.stateDir, 'deploy.pem');
  mkdirSync(environment.stateDir, { recursive: true });
  writeFileSync(keyFile, mine.privateKey.export({ type: 'pkcs8', format: 'pem' }));
});
afterEach(async () => {
  transport.close();
  environment.remove();
  await close(server);
  await gateway.close();
});

const logIn = (clientKeyFile = keyFile) =>
  loginAsMachine({ environment, transport, gateway: gateway.url, profile: 'ci', clientId: 'deploy', clientKeyFile });

test('a machine logs in by its private key, which stays where it is, and gets its next token by it', async () => {
  expect(await logIn()).toMatchObject({ name: 'deploy', kind: 'machine' });
  const stored = readFileSync(join(environment.configDir, 'credentials/ci.json'), 'utf8');
  expect(JSON.parse(stored)).toMatchObject({ clientKeyFile: keyFile, clientSecret: null, refreshToken: null });
  expect(stored).not.toContain('PRIVATE KEY');
  const profile = new Profiles(environment.configDir).resolve({ profile: 'ci', gateway: null });
  const late = openTokenSource({ environment, profile, transport, now: () => Date.now() + 3_600_000 });
  expect((await gateway.verifier.verify(await late.get())).subject).toBe('deploy');
});

test('another key is rejected, and nothing else is tried', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = join(environment.stateDir, 'other.pem');
  writeFileSync(file, other.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await expect(logIn(file)).rejects.toMatchObject({
    code: 'login_required',
    message: 'The identity provider rejected the client’s credentials',
    details: { decider: 'identity-provider' },
  });
});
