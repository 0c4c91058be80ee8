// Writes the Homebrew formula of a release to stdout: node scripts/homebrew.js TARBALL URL
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [tarball, url] = process.argv.slice(2);
if (tarball === undefined || url === undefined || !URL.canParse(url) || !url.startsWith('https://')) {
  console.error('usage: node scripts/homebrew.js TARBALL https://ADDRESS/OF/IT');
  process.exit(2);
}
const template = readFileSync(new URL('../homebrew/sluice.rb.template', import.meta.url), 'utf8');
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const values = {
  url,
  version,
  homepage: `${new URL(url).origin}/`,
  sha256: createHash('sha256').update(readFileSync(tarball)).digest('hex'),
};
process.stdout.write(template.replace(/\{\{(\w+)\}\}/g, (_all, name) => values[name]));
