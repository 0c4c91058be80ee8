#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { main } from '../dist/src/cli/main.js';

await main({
  root: fileURLToPath(new URL('../dist/', import.meta.url)),
  packageFile: new URL('../package.json', import.meta.url),
});
