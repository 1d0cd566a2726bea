import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{server,loadgen,scenarios,reports,bench,tools}/**/*.test.ts'],
    // The embedded ClickHouse works in forked processes only; threads crash it.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
