// Turns vitest's JSON report into one line, "12 passed, 0 failed", for people and machines that read the end of a log.
import { readFile } from 'node:fs/promises';

const report = await readFile(process.argv[2], 'utf8').then(JSON.parse, () => null);
if (report === null) {
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
} else {
  // A file that could not be loaded has no tests to fail, and must not look like success.
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + broken;
  const skipped = report.numPendingTests + report.numTodoTests;
  console.log(`${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  if (failed > 0 || report.numPassedTests === 0) process.exitCode = 1;
}
