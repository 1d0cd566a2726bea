import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Continuous integration wants the counts in a file of its own as well.
const report = process.env.PLIMSOLL_TEST_REPORT;

/** These judge how long something took, or whether the machine kept up: a run beside others may well be inconclusive. */
const ALONE = [
  'loadgen/cli/known-answer.test.ts',
  'loadgen/cli/many-machines.test.ts',
  'loadgen/cli/nothing-lost.test.ts',
  'loadgen/cli/run-thresholds.test.ts',
  'loadgen/cli/whole-run.test.ts',
  'loadgen/clock.test.ts',
  'loadgen/faults/faults-run.test.ts',
  'loadgen/faults/packet-relay.test.ts',
  'loadgen/faults/run-network.test.ts',
  'loadgen/recorder/ledger-expansion.test.ts',
];

/** Files of twenty seconds and more: started first, or the last of them would run on when all others are done. */
const LONG = [
  'loadgen/cli/cut-short-run.test.ts',
  'bench/torture/crash.test.ts',
  'loadgen/cli/command-agent.test.ts',
  'loadgen/drivers/hostile-drivers.test.ts',
  'reports/',
  'server/notifications/notifications-node.test.ts',
  'scenarios/socket-io/',
];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONG.findIndex((path) => moduleId.includes(`/${path}`));
      return found < 0 ? LONG.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    // The embedded ClickHouse works in forked processes only; threads crash it.
    pool: 'forks',
    // Three files share the processor.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['{server,loadgen,scenarios,reports,bench,tools}/**/*.test.ts'],
          exclude: ALONE,
          // Whole programs mostly wait for their phases to pass.
          maxWorkers: availableParallelism() + 1,
        },
      },
      { extends: true, test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});
