#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../src/cli/main.ts');
await main({
  root: fileURLToPath(new URL('../', import.meta.url)),
  packageFile: new URL('../package.json', import.meta.url),
});
