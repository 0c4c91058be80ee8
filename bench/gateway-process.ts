import { readFileSync } from 'node:fs';
import { startGateway } from '../src/gateway/app.js';
import { bootstrapSchema } from '../src/gateway/config.js';
import { createLog } from '../src/gateway/log.js';
import { startIssuer } from './issuer.js';
import { answerParent } from './watched.js';

interface Given {
  readonly stateDir: string;
  readonly port: number;
  readonly postgresPort: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Files of the certificate that clients trust, and its key. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** Nothing is classified, detected or forbidden: what the engine alone costs. */
  readonly plain: boolean;
}

/**
 * A whole gateway in a process of its own: targets `bench` (strict recording), `bench-durable` and `bench-off`, with
 * policy, masking and detectors on unless it is plain. stdin: JSON, see `Given`.
 */
const given = JSON.parse(readFileSync(0, 'utf8')) as Given;
const publicUrl = `https://localhost:${given.port}`;
const issuer = await startIssuer(publicUrl);
const gateway = await startGateway(
  bootstrapSchema.parse({
    listen: { host: '127.0.0.1', port: given.port, tls: given.tls },
    publicUrl,
    stateDir: given.stateDir,
    issuers: [issuer.trusted],
    listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null } },
  }),
  { log: createLog({ level: 'error', file: null }) },
);
await gateway.setSecret('bench', given.password);
const target = (name: string, recording: string): string =>
  `  - { name: ${name}, kind: postgres, address: "127.0.0.1:${given.postgresPort}", database: ${given.database}, username: ${given.user}, secret: "vault:bench", tls: { mode: disable }, labels: { env: bench }, recording: ${recording} }`;
gateway.applyBundle(
  new Map([
    [
      'targets.yaml',
      `targets:\n${target('bench', 'strict')}\n${target('bench-durable', 'durable')}\n${target('bench-off', 'off')}\n`,
    ],
    [
      'classification.yaml',
      given.plain
        ? 'classes: {}\n'
        : [
            'classes: { email: { mask: email }, card: { mask: last4 } }',
            'columns:',
            '  - { column: "public.bulk_masked.email", class: email }',
            '  - { column: "public.bulk_masked.card", class: card }',
            'detectors: { email: mask, card: mask, iban: mask, phone: mask, national-id: mask, private-key: mask, token: mask }',
            '',
          ].join('\n'),
    ],
    ['bindings.yaml', 'groups: { engineers: { claims: { groups: [engineers] } } }\n'],
    [
      'policies/bench.cedar',
      [
        '@id("bench-allow")',
        'permit (principal in Group::"engineers", action, resource in Label::"env=bench")',
        given.plain ? ';' : 'unless { action in Action::"reveal" };',
        ...(given.plain
          ? []
          : ['@id("bench-no-drop") @message("no")', 'forbid (principal, action == Action::"drop", resource);']),
        '',
      ].join('\n'),
    ],
  ]),
  'bench',
);
process.stdout.write(
  `${JSON.stringify({ url: publicUrl, listener: gateway.postgresPort, token: await issuer.token() })}\n`,
);
process.on('SIGTERM', () => void gateway.close({ graceMs: 0 }).then(() => process.exit(0)));
answerParent();
