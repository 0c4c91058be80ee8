// The build's second half: what the compiler leaves behind (policies, schemas, pages) and the command manifest.
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeCompletion } from './write-completion.js';
import { writeMan } from './write-man.js';
import { writeManifest } from './write-manifest.js';
import { writeStart } from './write-start.js';

const source = 'src';
for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || entry.name.endsWith('.ts') || entry.name.endsWith('.md')) continue;
  const file = join(entry.parentPath, entry.name);
  await cp(file, join('dist', file));
}
await writeStart();
await writeManifest();
await writeCompletion();
await writeMan();
