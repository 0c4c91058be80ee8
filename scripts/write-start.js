// Writes dist/start: `exec` and what it loads in few files. A module in a file of its own costs a start half a millisecond.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { build } from 'esbuild';

const outdir = 'dist/start';

const entry = `
import { main as start } from '../src/cli/main.js';
import Exec from '../commands/exec.js';

export const main = (options) => start({ ...options, loaded: { exec: Exec } });
`;

/** Modules look for files beside themselves, and stay where they were for that. */
const placesKept = {
  name: 'places-kept',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]dist[/\\](src|commands)[/\\].*\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const place = relative(resolve(outdir), path).replaceAll('\\', '/');
      return {
        contents: text.replaceAll('import.meta.url', `new URL('${place}', import.meta.url).href`),
        loader: 'js',
      };
    });
  },
};

/** Bundles the files that the compiler has left in dist; what is loaded late stays so, in files of its own. */
export async function writeStart() {
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir);
  await build({
    stdin: { contents: entry, resolveDir: resolve(outdir), sourcefile: 'entry.js' },
    ...{ outdir, entryNames: 'exec', chunkNames: '[name]-[hash]', splitting: true, bundle: true },
    ...{ format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'warning' },
    plugins: [placesKept],
  });
}
