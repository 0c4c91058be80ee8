import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../lib/errors.js';

const template = `# Only what the gateway needs to start. Targets, policies, classification and group bindings are a bundle:
# put the first one into ./state/bundle, later ones go in with: sluice apply -f DIR
listen:
  host: 127.0.0.1
  port: 7480
  tls: null                      # { cert: cert.pem, key: key.pem }; without it, put a TLS proxy in front
publicUrl: http://127.0.0.1:7480 # what clients use, and the audience that their tokens must name
stateDir: ./state
issuers:
  - url: https://login.example.com
    audience: http://127.0.0.1:7480
    clientId: sluice-cli
    groupsClaim: groups
login:
  device: true                   # a code confirmed in any browser
  browser: true                  # a browser on the person's own machine
  sessionsOutliveMinutes: 480    # how long connections live on when the login that they came with is over
listeners:
  postgres: null                 # { host: 0.0.0.0, port: 15432, tls: { cert: cert.pem, key: key.pem } }
  ssh: null                      # { host: 0.0.0.0, port: 2222 }: ssh TARGET@gateway, with "sluice ssh certificate" or "sluice ssh keys add"
approvals:
  expireMinutes: 10
recordings:
  volumes: []                    # [{ name: prod, targets: ["db-prod*"] }]: their journals go to state/recordings/prod, a disk of its own
  signingKey: null               # env:NAME or file:PATH (PKCS#8 PEM, Ed25519); null: a file in state/keys
  anchors: []                    # [{ file: /mnt/other/anchors.jsonl }, { objects: true }, { webhook: https://…, token: env:NAME }]
audit:
  sinks: []                      # audit events as JSON Lines, and people told by webhook, chat or e-mail: docs/audit-events.md, docs/telling.md
`;

/** Writes a bootstrap file to start from, `gateway.yaml`; never over one that is there. Returns its path. */
export async function writeBootstrapTemplate(dir: string): Promise<string> {
  const file = join(dir, 'gateway.yaml');
  await mkdir(join(dir, 'state', 'bundle'), { recursive: true, mode: 0o700 });
  try {
    await writeFile(file, template, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    throw new SluiceError('local', `cannot write ${file}: it is there already, or the folder cannot be written`, {
      cause,
    });
  }
  return file;
}
