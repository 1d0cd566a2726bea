/** `plimsoll report`: a stored run again, as text, HTML, Markdown, JSON, and for other tools. */
import type { Argv, CommandModule } from 'yargs';
import { FLAGS, wantsColour } from './flags.ts';
import { checkOutputs } from './output-places.ts';
import { outputsOf, secondsOf, writeOutputs } from './outputs.ts';
import { flushSpools } from './spool-flush.ts';
import { openResults } from './wiring.ts';

const builder = (argv: Argv) =>
  argv
    .positional('run', {
      type: 'string',
      default: 'latest',
      describe: 'a run’s id (or its beginning), its name, or latest',
    })
    .option('results', FLAGS.results)
    .option('flush', {
      type: 'boolean',
      default: false,
      describe: 'deliver rows that wait on disk because the results store was away, and nothing else',
    })
    .option('html', FLAGS.html)
    .option('summary-json', FLAGS['summary-json'])
    .option('markdown', FLAGS.markdown)
    .option('junit', FLAGS.junit)
    .option('hlog', FLAGS.hlog)
    .option('csv', FLAGS.csv)
    .option('json', FLAGS.json)
    .option('quiet', { ...FLAGS.quiet, describe: 'do not say which files were written' })
    .option('color', FLAGS.color)
    .example('$0 report', 'the latest run')
    .example('$0 report --flush', 'what waits on disk goes to the results store')
    .example('$0 report --markdown -', 'for a pull request')
    .example('$0 report nightly --html report.html', 'the newest run of that name')
    .example('$0 report --junit junit.xml --markdown summary.md', 'several at once, for CI')
    .example('$0 report --hlog run.hlog --csv run.csv', 'for HdrHistogram’s tools, and a spreadsheet')
    .example('$0 report --csv - | gzip > run.csv.gz', 'into another program');

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const reportCommand: CommandModule<object, Arguments> = {
  command: 'report [run]',
  describe: 'a stored run: summary, HTML, Markdown, JSON, JUnit, HdrHistogram log, CSV',
  builder,
  async handler(argv) {
    if (argv.flush) {
      process.exitCode = await flushSpools(argv.results, (text) => process.stdout.write(`${text}\n`));
      return;
    }
    checkOutputs(argv);
    const store = await openResults(argv.results, { readOnly: true });
    try {
      const model = await store.loadRun(argv.run);
      const outputs = outputsOf(argv);
      await writeOutputs(
        model,
        {
          ...outputs,
          json: argv.json,
          nameFiles: !argv.quiet,
          results: argv.results,
          quiet: Object.values(outputs).some((place) => place !== undefined),
          colour: wantsColour(argv.color, process.stdout),
        },
        secondsOf(store, model.runId),
      );
    } finally {
      await store.close();
    }
  },
};
