import type { TestResult } from './run-tests.js';

/** The results as JUnit XML, the form that CI systems show: one suite a file. */
export function junitXml(results: readonly TestResult[]): string {
  const files = [...new Set(results.map(({ file }) => file))];
  const suites = files.map((file) =>
    suiteXml(
      file,
      results.filter((result) => result.file === file),
    ),
  );
  const { failed, seconds } = totals(results);
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="sluice policy test" tests="${results.length}" failures="${failed}" time="${seconds}">
${suites.join('\n')}
</testsuites>
`;
}

function suiteXml(file: string, results: readonly TestResult[]): string {
  const { failed, seconds } = totals(results);
  const cases = results.map((result) => {
    const head = `    <testcase classname="${escape(file)}" name="${escape(result.name)}" time="${(result.durationMs / 1000).toFixed(3)}"`;
    if (result.passed) return `${head}/>`;
    const text = result.mismatches.join('\n');
    return `${head}>
      <failure message="${escape(result.mismatches[0] ?? '')}">${escape(`${file}:${result.line}\n${text}`)}</failure>
    </testcase>`;
  });
  return `  <testsuite name="${escape(file)}" tests="${results.length}" failures="${failed}" time="${seconds}">
${cases.join('\n')}
  </testsuite>`;
}

function totals(results: readonly TestResult[]): { readonly failed: number; readonly seconds: string } {
  const failed = results.filter(({ passed }) => !passed).length;
  return { failed, seconds: (results.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000).toFixed(3) };
}

/** XML 1.0, 2.2 and 2.4: characters that may not stand in a document at all become U+FFFD. */
function escape(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char] ?? '&quot;')
    .replaceAll('\n', '&#10;');
}
