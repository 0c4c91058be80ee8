import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file that the gateway keeps. */
export interface KeptFile {
  /** Its path below the folder. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Every file below a folder. One that goes while this looks (a draft takes its own name, a log is folded up) is not kept. */
export function* keptFiles(dir: string, except: readonly string[] = [], below = ''): Generator<KeptFile> {
  for (const entry of ifThere(() => readdirSync(join(dir, below), { withFileTypes: true })) ?? []) {
    const name = join(below, entry.name);
    if (except.includes(name)) continue;
    if (entry.isDirectory()) yield* keptFiles(dir, except, name);
    if (!entry.isFile()) continue;
    const bytes = ifThere(() => readFileSync(join(dir, name)));
    if (bytes !== null) yield { name, bytes };
  }
}

function ifThere<Read>(read: () => Read): Read | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
