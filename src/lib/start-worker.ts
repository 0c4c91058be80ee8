import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts the module beside `base` (an `import.meta.url`) as a worker thread. `name` ends in `.js`; when `base` is still
 * TypeScript (development, tests) its source is started, with the loader that worker threads don't inherit.
 */
export function startWorker(base: string, name: string, options: WorkerOptions = {}): Worker {
  if (!base.endsWith('.ts')) return new Worker(new URL(name, base), options);
  const loader = new URL('dist/esm/api/index.mjs', pathToFileURL(createRequire(base).resolve('tsx/package.json')));
  const source = new URL(name.replace(/\.js$/, '.ts'), base);
  const start = `import(${JSON.stringify(loader.href)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(source.href)}); });`;
  return new Worker(start, { ...options, eval: true, execArgv: [] });
}
