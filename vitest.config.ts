import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/property-seed.ts'],
    pool: 'forks',
    // Real servers and worker threads run beside the tests: two files at a time keep a two-core machine honest.
    maxWorkers: 2,
    // For what hangs: how long work takes on a machine that is busy with other things is nobody's to say.
    testTimeout: 180_000,
    // A gateway that stops waits for its index's thread, which yields to everything else that runs.
    hookTimeout: 600_000,
    teardownTimeout: 20_000,
    // oclif's captureOutput replaces the console itself.
    disableConsoleIntercept: true,
    passWithNoTests: false,
    allowOnly: false,
    coverage: { provider: 'v8', include: ['src/**', 'commands/**'], reporter: ['text-summary', 'lcov'] },
  },
});
