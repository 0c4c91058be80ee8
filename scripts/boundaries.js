// Checks who imports whom (.dependency-cruiser.cjs), types and values apart.
// A cruise that saw fewer files than exist proves nothing, so it fails.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { transform } from '@swc/core';
import { cruise } from 'dependency-cruiser';
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';

const roots = ['src', 'commands'];
const stripped = join('dist', '.values');

async function listSources(root) {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Writes the file without its types; `import type` is gone, every other import stays as it is. */
async function stripTypes(file) {
  const { code } = await transform(await readFile(file, 'utf8'), {
    filename: file,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022', transform: { verbatimModuleSyntax: true } },
  });
  const out = join(stripped, file.replace(/\.ts$/, '.js'));
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, code);
}

async function check(title, files, options) {
  const { output } = await cruise(roots, options);
  const seen = output.modules.filter((module) => /^(src|commands)\//.test(module.source)).length;
  const edges = output.modules.reduce((sum, module) => sum + module.dependencies.length, 0);
  for (const { rule, from, to, comment, via, cycle } of output.summary.violations) {
    const path = (cycle ?? via ?? []).map((step) => step.name).join(' → ');
    console.error(`${rule.name}: ${from} → ${to}${path && ` (by ${path})`}${comment ? `\n    ${comment}` : ''}`);
  }
  if (seen < files || files === 0 || edges === 0) {
    console.error(`boundaries: ${title}: saw ${seen} of ${files} files and ${edges} imports; the check is broken`);
    return false;
  }
  console.log(`boundaries: ${title}: ${files} files, ${edges} imports, ${output.summary.error} forbidden`);
  return output.summary.error === 0;
}

const options = await extractDepcruiseOptions('./.dependency-cruiser.cjs');
const only = (keep) => ({
  ...options,
  ruleSet: { ...options.ruleSet, forbidden: options.ruleSet.forbidden.filter((rule) => keep(rule.name)) },
});
const files = (await Promise.all(roots.map(listSources))).flat();
try {
  await Promise.all(roots.map((root) => mkdir(join(stripped, root), { recursive: true })));
  await Promise.all(files.map(stripTypes));
  const types = await check(
    'with types',
    files.length,
    only((name) => name.endsWith('-type-imports')),
  );
  const values = await check('values', files.length, {
    ...only((name) => !name.endsWith('-type-imports')),
    baseDir: join(process.cwd(), stripped),
  });
  if (!types || !values) process.exitCode = 1;
} finally {
  await rm(stripped, { recursive: true, force: true });
}
