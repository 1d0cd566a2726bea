import { defineConfig } from 'vitest/config';

// Continuous integration wants the counts in a file of its own as well.
const report = process.env.PLIMSOLL_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['{server,loadgen,scenarios,reports,bench,tools}/**/*.test.ts'],
    // The embedded ClickHouse works in forked processes only; threads crash it.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});
