import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { ProblemList } from '../policy/problems.js';
import { YamlSource } from '../policy/yaml-source.js';
import { describeProblem } from './bundle-errors.js';
import { type Bootstrap, bootstrapSchema } from './config.js';

/**
 * Reads a bootstrap file, YAML or JSON (which YAML 1.2 contains). Relative paths in it are relative to the file, so
 * that a gateway starts the same from any folder. Throws config_invalid with file, line and column.
 */
export function readBootstrap(file: string): Bootstrap {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SluiceError('config_invalid', `cannot read ${file}`, {
      cause,
      next: [{ command: 'sluice gateway init', when: 'to write one' }],
    });
  }
  const problems = new ProblemList();
  const bootstrap = YamlSource.parse(file, text, problems)?.read(bootstrapSchema) ?? null;
  if (bootstrap === null || problems.hasErrors) {
    throw new SluiceError('config_invalid', problems.all.map(describeProblem).join('\n'), { decider: 'local' });
  }
  return withAbsolutePaths(bootstrap, dirname(resolve(file)));
}

function withAbsolutePaths(bootstrap: Bootstrap, base: string): Bootstrap {
  const { postgres } = bootstrap.listeners;
  return {
    ...bootstrap,
    stateDir: resolve(base, bootstrap.stateDir),
    listen: { ...bootstrap.listen, tls: absoluteTls(bootstrap.listen.tls, base) },
    recordings: {
      ...bootstrap.recordings,
      ...absoluteEvidence(bootstrap.recordings, base),
      signingKey: absoluteReference(bootstrap.recordings.signingKey, base),
      anchors: bootstrap.recordings.anchors.map((anchor) => {
        if ('file' in anchor) return { file: resolve(base, anchor.file) };
        return 'webhook' in anchor ? { ...anchor, token: absoluteReference(anchor.token, base) } : anchor;
      }),
    },
    audit: {
      sinks: bootstrap.audit.sinks.map((sink) => {
        if (sink.type === 'file') return { ...sink, path: resolve(base, sink.path) };
        if (sink.type === 'webhook')
          return { ...sink, secretFile: sink.secretFile === null ? null : resolve(base, sink.secretFile) };
        if (sink.type === 'email') return absoluteMail(sink, base);
        if (sink.type === 'stdout' || sink.tokenFile === null) return sink;
        return { ...sink, tokenFile: resolve(base, sink.tokenFile) };
      }),
    },
    workloads: {
      ...bootstrap.workloads,
      issuers: bootstrap.workloads.issuers.map((issuer) =>
        issuer.keysFile === null ? issuer : { ...issuer, keysFile: resolve(base, issuer.keysFile) },
      ),
    },
    listeners: {
      ...bootstrap.listeners,
      postgres: postgres === null ? null : { ...postgres, tls: absoluteTls(postgres.tls, base) },
    },
  };
}

function absoluteEvidence({ recipients, identityFile, objects }: Bootstrap['recordings'], base: string) {
  const credentials = objects?.credentials ?? null;
  const secretKey = absoluteReference(credentials?.secretKey ?? null, base);
  return {
    recipients: recipients.map((each) => (each.startsWith('age1') ? each : resolve(base, each))),
    identityFile: identityFile === null ? null : resolve(base, identityFile),
    objects:
      objects === null || credentials === null || secretKey === null
        ? objects
        : { ...objects, credentials: { ...credentials, secretKey } },
  };
}

type Mail = Extract<Bootstrap['audit']['sinks'][number], { type: 'email' }>;

function absoluteMail(sink: Mail, base: string): Mail {
  return {
    ...sink,
    ca: sink.ca === null ? null : resolve(base, sink.ca),
    secret: absoluteReference(sink.secret, base),
  };
}

function absoluteReference(reference: string | null, base: string): string | null {
  return reference?.startsWith('file:') === true ? `file:${resolve(base, reference.slice('file:'.length))}` : reference;
}

function absoluteTls(tls: Bootstrap['listen']['tls'], base: string): Bootstrap['listen']['tls'] {
  if (tls === null) return null;
  const absolute = (path: string): string =>
    path.includes('-----BEGIN') || isAbsolute(path) ? path : resolve(base, path);
  return { cert: absolute(tls.cert), key: absolute(tls.key) };
}
