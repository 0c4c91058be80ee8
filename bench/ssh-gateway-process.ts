import { readFileSync } from 'node:fs';
import { startGateway } from '../src/gateway/app.js';
import { bootstrapSchema } from '../src/gateway/config.js';
import { createLog } from '../src/gateway/log.js';
import { startIssuer } from './issuer.js';
import { answerParent } from './watched.js';

interface Given {
  readonly stateDir: string;
  readonly port: number;
  readonly sshd: {
    readonly port: number;
    readonly user: string;
    readonly hostKey: string;
    readonly privateKey: string;
  };
  /** Detectors look at what programs say. */
  readonly detects: boolean;
}

/**
 * A whole gateway in a process of its own, with one SSH target `bench`, recording strict, and a policy that looks at what
 * is run. stdin: JSON, see `Given`; stdout: its addresses and a token, one line of JSON.
 */
const given = JSON.parse(readFileSync(0, 'utf8')) as Given;
const url = `http://127.0.0.1:${given.port}`;
const issuer = await startIssuer(url);
const gateway = await startGateway(
  bootstrapSchema.parse({
    listen: { host: '127.0.0.1', port: given.port },
    publicUrl: url,
    stateDir: given.stateDir,
    issuers: [issuer.trusted],
    listeners: { ssh: { host: '127.0.0.1', port: 0 } },
  }),
  { log: createLog({ level: 'error', file: null }) },
);
await gateway.setSecret('bench', given.sshd.privateKey);
gateway.applyBundle(
  new Map([
    [
      'targets.yaml',
      `targets:\n  - { name: bench, kind: ssh, address: "127.0.0.1:${given.sshd.port}", username: ${given.sshd.user}, secret: "vault:bench", hostKey: "${given.sshd.hostKey}", labels: { env: bench }, recording: strict }\n`,
    ],
    [
      'classification.yaml',
      given.detects
        ? 'classes: {}\ndetectors: { email: mask, card: mask, iban: mask, phone: mask, national-id: mask, private-key: mask, token: mask }\n'
        : 'classes: {}\n',
    ],
    ['bindings.yaml', 'groups: { engineers: { claims: { groups: [engineers] } } }\n'],
    [
      'policies/bench.cedar',
      [
        '@id("bench-allow")',
        'permit (principal in Group::"engineers", action, resource in Label::"env=bench");',
        '@id("bench-no-reboot") @message("no")',
        'forbid (principal, action == Action::"exec", resource) when { context.program == "reboot" };',
        '',
      ].join('\n'),
    ],
  ]),
  'bench',
);
process.stdout.write(`${JSON.stringify({ url, port: gateway.sshPort, token: await issuer.token() })}\n`);
process.on('SIGTERM', () => void gateway.close({ graceMs: 0 }).then(() => process.exit(0)));
answerParent();
