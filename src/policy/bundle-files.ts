import { fileStart, nearest, type ProblemList } from './problems.js';

/** Limits of a bundle as it is applied. */
export const bundleLimits = { files: 500, fileBytes: 256 * 1024, bundleBytes: 4 * 1024 * 1024 };

const configFiles = ['targets.yaml', 'classification.yaml', 'bindings.yaml', 'settings.yaml'] as const;
export type ConfigFile = (typeof configFiles)[number];

/** A bundle's files by what they are. Paths are relative, with '/' between the parts. */
export interface SortedFiles {
  readonly config: ReadonlyMap<ConfigFile, string>;
  readonly policies: ReadonlyMap<string, string>;
  readonly tests: ReadonlyMap<string, string>;
  /** CA certificates that targets may name: *.pem beside targets.yaml or in a folder. */
  readonly certificates: ReadonlyMap<string, string>;
}

/** Sorts the files, in the order of their paths. Unknown ones are ignored, said aloud; near misses are errors. */
export function sortFiles(files: ReadonlyMap<string, string>, problems: ProblemList): SortedFiles {
  const sorted = {
    config: new Map<ConfigFile, string>(),
    policies: new Map<string, string>(),
    tests: new Map<string, string>(),
    certificates: new Map<string, string>(),
  };
  if (files.size > bundleLimits.files) {
    problems.add(
      'error',
      '.',
      fileStart,
      `a bundle has at most ${bundleLimits.files} files; this one has ${files.size}`,
    );
    return sorted;
  }
  let bytes = 0;
  for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isPlainPath(path)) {
      problems.add(
        'error',
        JSON.stringify(path),
        fileStart,
        'not a plain relative path',
        'use names inside the bundle, like policies/base.cedar',
      );
      continue;
    }
    const size = Buffer.byteLength(text);
    bytes += size;
    if (size > bundleLimits.fileBytes) {
      problems.add('error', path, fileStart, `larger than ${bundleLimits.fileBytes / 1024} KiB`);
      continue;
    }
    const config = configFiles.find((name) => name === path);
    if (config !== undefined) sorted.config.set(config, text);
    else if (/^policies\/.*\.cedar$/.test(path)) sorted.policies.set(path, text);
    else if (/^policies\/.*\.test\.yaml$/.test(path)) sorted.tests.set(path, text);
    else if (path.endsWith('.pem')) addCertificate(sorted.certificates, path, text, problems);
    else reportUnknown(path, problems);
  }
  if (bytes > bundleLimits.bundleBytes) {
    problems.add(
      'error',
      '.',
      fileStart,
      `a bundle is at most ${bundleLimits.bundleBytes / 1024 / 1024} MiB; this one is larger`,
    );
  }
  return sorted;
}

function isPlainPath(path: string): boolean {
  if (path.length === 0 || path.length > 200 || !/^[A-Za-z0-9._/ @+-]+$/.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function addCertificate(certificates: Map<string, string>, path: string, text: string, problems: ProblemList): void {
  if (text.includes('PRIVATE KEY')) {
    problems.add(
      'error',
      path,
      fileStart,
      'a private key does not belong in a bundle',
      'keep only the CA certificate here',
    );
  } else if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    problems.add('error', path, fileStart, 'not a PEM certificate');
  } else certificates.set(path, text);
}

/** A rule or a classification in a misnamed file would be silently missing, so that is an error. */
function reportUnknown(path: string, problems: ProblemList): void {
  const parts = path.split('/');
  const name = parts.at(-1) ?? path;
  if (/^(?:README|LICENSE|NOTICE|CHANGELOG)/i.test(name) || parts.some((part) => part.startsWith('.'))) return;
  if (path.endsWith('.cedar')) {
    problems.add('error', path, fileStart, 'policies live in policies/', `move it to policies/${name}`);
    return;
  }
  const near = nearest(name.replace(/\.(?:yml|json|yaml\.txt)$/i, '.yaml'), configFiles);
  if (near !== null && near !== path) {
    problems.add('error', path, fileStart, 'unknown file', `did you mean "${near}"?`);
    return;
  }
  problems.add(
    'warning',
    path,
    fileStart,
    'ignored: not a file that a bundle has',
    'a bundle has targets.yaml, classification.yaml, bindings.yaml and policies/*.cedar',
  );
}
