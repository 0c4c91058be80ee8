#!/usr/bin/env node
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
// What shells run at every Tab comes first, and loads none of the rest.
if (process.argv[2] === '__complete') {
  const { completeAndExit } = await import('../dist/src/cli/completion/entry.js');
  completeAndExit(dist, process.argv.slice(3));
}
// What scripts run in loops is in few files, since each costs its share of a start.
const { main } = await (process.argv[2] === 'exec'
  ? import('../dist/start/exec.js')
  : import('../dist/src/cli/main.js'));
await main({ root: dist, packageFile: new URL('../package.json', import.meta.url) });
