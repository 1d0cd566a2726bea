/** `plimsoll runs`: the stored runs, newest first. */
import type { Argv, CommandModule } from 'yargs';
import { renderRuns } from '../../reports/render/render-runs.ts';
import { FLAGS, readWhole, withEnvironment } from './flags.ts';
import { openResults } from './wiring.ts';

const LIMIT = withEnvironment({
  limit: { alias: 'n', type: 'number', default: 20, describe: 'at most this many' },
} as const);

const builder = (argv: Argv) =>
  argv
    .option('results', FLAGS.results)
    .option('limit', LIMIT.limit)
    .option('json', FLAGS.json)
    .example('$0 runs', 'the last 20 runs');

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const runsCommand: CommandModule<object, Arguments> = {
  command: 'runs',
  describe: 'list stored runs',
  builder,
  async handler(argv) {
    const limit = readWhole('limit', argv.limit, 1, 100_000)!;
    const store = await openResults(argv.results, { readOnly: true });
    try {
      const runs = await store.listRuns(limit);
      process.stdout.write(argv.json ? `${JSON.stringify(runs, null, 2)}\n` : renderRuns(runs));
    } finally {
      await store.close();
    }
  },
};
