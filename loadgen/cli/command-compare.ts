/** `plimsoll compare`: two runs, or two sets of runs, side by side; its exit code tells continuous integration of a regression. */
import type { Argv, CommandModule } from 'yargs';
import { compareRuns, type RunsOfSide } from '../../reports/compare/compare-runs.ts';
import type { Comparison } from '../../reports/compare/comparison.ts';
import { SelectionError, type ShortSet, selectRuns } from '../../reports/compare/select-runs.ts';
import { renderCompareHtml } from '../../reports/render/render-compare-html.ts';
import { renderCompareMarkdown } from '../../reports/render/render-compare-markdown.ts';
import { renderCompareText } from '../../reports/render/render-compare-text.ts';
import type { ResultsStore } from '../../reports/results/results-store.ts';
import type { TrendName } from '../recorder/metrics.ts';
import {
  COMPARED_PERCENTILES,
  JUDGED_ROWS,
  readJudged,
  readMetrics,
  readPercentiles,
  readTolerance,
} from './compare-flags.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { FLAGS, wantsColour } from './flags.ts';
import { checkOutputs, writeOutput } from './output-places.ts';
import { openResults } from './wiring.ts';

const builder = (argv: Argv) =>
  argv
    .positional('a', { type: 'string', demandOption: true, describe: 'what was before: a run, or a set of runs' })
    .positional('b', { type: 'string', demandOption: true, describe: 'what is to be judged against it' })
    .option('tolerance', {
      type: 'string',
      default: '5%',
      describe: 'smaller changes are no regression: 5%, 2ms, or 5%,2ms for beyond both',
    })
    .option('metrics', { type: 'string', describe: 'latencies to look at (default: all that users wait for)' })
    .option('percentiles', { type: 'string', default: COMPARED_PERCENTILES, describe: 'percentiles to look at' })
    .option('judge', {
      type: 'string',
      defaultDescription: 'p50 and p99 of delivery_latency and sent_latency',
      describe: 'rows that decide about the exit code',
    })
    .option('results', FLAGS.results)
    .option('results-b', { type: 'string', describe: 'where b is kept, if not there too' })
    .option('seed', { type: 'number', default: 1, describe: 'of the resampling' })
    .option('html', { type: 'string', describe: 'write both, overlaid, as an HTML page here' })
    .option('markdown', { type: 'string', describe: 'write Markdown for a pull request here; - for standard output' })
    .option('json', FLAGS.json)
    .option('color', FLAGS.color)
    .example('$0 compare nightly candidate', 'the newest run of each name')
    .example('$0 compare nightly~5 candidate~3', 'the newest five against the newest three')
    .example('$0 compare tag:commit=abc tag:commit=def', 'all runs with these tags')
    .example('$0 compare x,y,z latest --tolerance 10%', 'runs by id or name, separated by commas')
    .epilogue(
      'A run is written as for report: an id or its beginning, a name, or latest. Exit codes: 0 no regression, 99 a regression ' +
        'beyond the tolerance (or losses where a had none), 98 it could not be judged, 104 bad input.',
    );

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const compareCommand: CommandModule<object, Arguments> = {
  command: 'compare <a> <b>',
  describe: 'two runs, or two sets of runs, side by side',
  builder,
  async handler(argv) {
    const { code, stdout = '', stderr = '' } = await compareStored(argv, openResults);
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    process.exitCode = code;
  },
};

/** The flags; those that are not given are undefined. */
export interface CompareArguments {
  a: string;
  b: string;
  tolerance: string;
  metrics?: string | undefined;
  percentiles: string;
  judge?: string | undefined;
  results: string;
  resultsB?: string | undefined;
  seed: number;
  html?: string | undefined;
  markdown?: string | undefined;
  json?: boolean | undefined;
  color: boolean;
}

export interface CompareAnswer {
  code: number;
  stdout?: string;
  stderr?: string;
}

type Store = Pick<ResultsStore, 'listRuns' | 'loadSeconds' | 'close'>;
type OpenResults = (url: string, options: { readOnly: boolean }) => Promise<Store>;

/** Writes the files asked for; what is to be said is the answer. Rejects with UsageError or ResultsError. */
export async function compareStored(argv: CompareArguments, open: OpenResults): Promise<CompareAnswer> {
  const { html, markdown, json } = argv;
  checkOutputs({ html, markdown, json });
  const judged = readJudged(argv.judge ?? JUDGED_ROWS);
  const asked = readPercentiles(argv.percentiles);
  const metrics = readMetrics(argv.metrics);
  const options = {
    metrics,
    percents: [...new Set([...asked, ...judged.flatMap(({ percent }) => percent ?? [])])].sort((x, y) => x - y),
    judged: judged.map(({ name }) => name),
    tolerance: readTolerance(argv.tolerance),
    seed: argv.seed,
  };
  const [a, b] = await loadSides(argv, metrics, open);
  const nothing = withoutSamples(a, b, metrics);
  if (nothing !== null) return { code: EXIT.inconclusive, stderr: `${nothing}\n` };
  const comparison = compareRuns(a, b, options);
  const missing = options.judged.filter((name) => !comparison.method.judged.includes(name));
  if (argv.judge !== undefined && missing.length > 0)
    throw new UsageError(`--judge: ${missing.join(', ')} was not measured on both sides`);
  if (html !== undefined) writeOutput('html', html, renderCompareHtml(comparison, a, b));
  if (markdown !== undefined) writeOutput('markdown', markdown, renderCompareMarkdown(comparison));
  const code = exitCodeOf(comparison);
  if (json) return { code, stdout: `${JSON.stringify(comparison, null, 2)}\n` };
  if (html === '-' || markdown === '-') return { code };
  const files = [
    { label: 'HTML', value: html },
    { label: 'Markdown', value: markdown },
  ];
  const outputs = files.flatMap(({ label, value }) => (value === undefined ? [] : [{ label, value }]));
  return { code, stdout: renderCompareText(comparison, { colour: wantsColour(argv.color, process.stdout), outputs }) };
}

function exitCodeOf({ verdict }: Comparison): number {
  if (verdict === 'worse') return EXIT.thresholdFailed;
  return verdict === 'not judged' ? EXIT.inconclusive : EXIT.pass;
}

async function loadSides(
  argv: CompareArguments,
  metrics: readonly TrendName[],
  open: OpenResults,
): Promise<[RunsOfSide, RunsOfSide]> {
  const { a, b, results, resultsB = results } = argv;
  const first = await open(results, { readOnly: true });
  try {
    if (resultsB === results) {
      const [ofA, ofB] = [await select(a, first, results), await select(b, first, results)];
      const twice = ofA.ids.find((id) => ofB.ids.includes(id));
      if (twice !== undefined)
        throw new UsageError(`run ${twice} is on both sides, ${a} and ${b}: a run can't be compared with itself`);
      return [await load(a, ofA, first, metrics), await load(b, ofB, first, metrics)];
    }
    const second = await open(resultsB, { readOnly: true });
    try {
      return [
        await load(a, await select(a, first, results), first, metrics),
        await load(b, await select(b, second, resultsB), second, metrics),
      ];
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

interface Selected {
  ids: string[];
  short: ShortSet[];
}

async function select(text: string, store: Store, url: string): Promise<Selected> {
  const short: ShortSet[] = [];
  try {
    // Passwords stay out of messages.
    const place = url.replace(/^chdb:|(?<=\/\/)[^@/]*@/g, '');
    return { ids: selectRuns(text, await store.listRuns(), place, (set) => short.push(set)), short };
  } catch (error) {
    throw error instanceof SelectionError ? new UsageError(error.message, { cause: error }) : error;
  }
}

async function load(
  label: string,
  { ids, short }: Selected,
  store: Store,
  metrics: readonly TrendName[],
): Promise<RunsOfSide> {
  const runs = [];
  for (const id of ids) runs.push(await store.loadSeconds(id, metrics));
  return { label, runs, short };
}

/** Null: there is something to compare. Throws UsageError when both were measured, but by nothing in common. */
function withoutSamples(a: RunsOfSide, b: RunsOfSide, metrics: readonly TrendName[]): string | null {
  const known = ({ runs }: RunsOfSide): TrendName[] =>
    metrics.filter((metric) => runs.some((run) => run.trends[metric] !== undefined));
  const [ofA, ofB] = [known(a), known(b)];
  for (const [side, own] of [
    [a, ofA],
    [b, ofB],
  ] as const) {
    if (own.length > 0) continue;
    const which = side.runs.length === 1 ? `run ${side.runs[0]!.runId} has` : `the runs of ${side.label} have`;
    return `${which} no sample of ${metrics.length === 1 ? metrics[0] : 'any latency asked for'}: there is nothing to compare`;
  }
  if (ofA.some((metric) => ofB.includes(metric))) return null;
  throw new UsageError(
    `${a.label} and ${b.label} have no latency in common: a has ${ofA.join(', ')}, b has ${ofB.join(', ')}`,
  );
}
