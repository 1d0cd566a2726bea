/** `plimsoll report`: a stored run again, as text, HTML, Markdown or JSON. */
import type { Argv, CommandModule } from 'yargs';
import { FLAGS, wantsColour } from './flags.ts';
import { checkOutputs } from './output-places.ts';
import { writeOutputs } from './outputs.ts';
import { openResults } from './wiring.ts';

const builder = (argv: Argv) =>
  argv
    .positional('run', {
      type: 'string',
      default: 'latest',
      describe: 'a run’s id (or its beginning), its name, or latest',
    })
    .option('results', FLAGS.results)
    .option('html', FLAGS.html)
    .option('summary-json', FLAGS['summary-json'])
    .option('markdown', FLAGS.markdown)
    .option('json', FLAGS.json)
    .option('color', FLAGS.color)
    .example('$0 report', 'the latest run')
    .example('$0 report --markdown -', 'for a pull request')
    .example('$0 report nightly --html report.html', 'the newest run of that name');

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const reportCommand: CommandModule<object, Arguments> = {
  command: 'report [run]',
  describe: 'summary, HTML, Markdown or JSON of a stored run',
  builder,
  async handler(argv) {
    checkOutputs(argv);
    const store = await openResults(argv.results, { readOnly: true });
    try {
      const model = await store.loadRun(argv.run);
      writeOutputs(model, {
        html: argv.html,
        summaryJson: argv.summaryJson,
        markdown: argv.markdown,
        json: argv.json,
        quiet: argv.html !== undefined || argv.summaryJson !== undefined || argv.markdown !== undefined,
        colour: wantsColour(argv.color, process.stdout),
      });
    } finally {
      await store.close();
    }
  },
};
