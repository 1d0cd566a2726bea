/** The JSON Schema of `--summary-json` describes what is written, and nothing else. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNTERS, GAUGES, RATES, TRENDS } from '../loadgen/recorder/metrics.ts';
import { sampleModel, sampleModelWithoutMessages } from './render/sample-model.ts';
import { runStart, runSummary } from './results/results-fixtures.suite.ts';
import { summaryProblems } from './summary-schema.suite.ts';

const FIXTURES = {
  'of fifty thousand connections': () => sampleModel().summary!,
  'without messages': () => sampleModelWithoutMessages().summary!,
  'of awkward texts': () => runSummary(runStart('awkward')),
};

describe('the schema of a summary', () => {
  it.each(Object.entries(FIXTURES))('takes a summary %s', (_name, summary) => {
    expect(summaryProblems(summary())).toEqual([]);
  });

  it('takes faults, streams, agents and what thresholds ended', () => {
    const summary = sampleModel().summary!;
    const p99 = { p99BeforeMs: null, p99WorstMs: 3.5, latencyWorstMs: 12 };
    const counts = { connectionsBefore: 3, connectionsLowest: 0, backlogHighest: 9, dropped: 1, reconnects: 3 };
    const kill = { kind: 'kill-shard', atSeconds: -1.5, recoverySeconds: null, lost: 0, forSeconds: 0, startMs: 1e12 };
    summary.faults = [{ ...kill, detail: 'shard 1', problem: 'it was not there', ...p99, ...counts }];
    summary.results.scenarios = [{ name: 'direct', metrics: summary.results.metrics }];
    summary.results.thresholds[0]!.endedRunAtSeconds = 4.2;
    summary.agents = [{ name: 'agent-0', host: 'alpha', version: '0.1.0', clockOffsetMs: -3, clockBoundMs: 0.2 }];
    Object.assign(summary.config, { closed: true, users: 10, fanOut: 1.5 });
    expect(summaryProblems(summary)).toEqual([]);
  });

  it.each<[string, (summary: ReturnType<(typeof FIXTURES)['without messages']>) => void]>([
    ['an unknown verdict', (summary) => Object.assign(summary, { verdict: 'passed' })],
    ['a negative count', (summary) => Object.assign(summary.ledger, { lost: -1 })],
    ['half a message', (summary) => Object.assign(summary.ledger, { sent: 0.5 })],
    ['a metric of no known name', (summary) => Object.assign(summary.results.metrics[0]!, { name: 'latency' })],
    ['a counter called a trend', (summary) => Object.assign(summary.results.metrics.at(-1)!, { type: 'trend' })],
    ['a histogram that is none', (summary) => Object.assign(summary.results.metrics[0]!, { histogram: '?' })],
    ['a local date', (summary) => Object.assign(summary.metadata, { startedAt: '14.3.2026' })],
    ['reasons on a valid run', (summary) => Object.assign(summary.validity, { valid: true, reasons: ['x'] })],
    ['an invalid run without a reason', (summary) => Object.assign(summary.validity, { valid: false, reasons: [] })],
    ['a phase of no run', (summary) => Object.assign(summary.phases[0]!, { phase: 'finish' })],
    ['a tag that is no text', (summary) => Object.assign(summary.metadata.tags, { n: 1 })],
  ])('refuses %s', (_what, change) => {
    const summary = sampleModelWithoutMessages().summary!;
    change(summary);
    expect(summaryProblems(summary)).not.toEqual([]);
  });

  it('refuses a field more, and a field less, anywhere', () => {
    const summary = sampleModel().summary!;
    const paths = objectsOf(summary).filter(({ path }) => path !== '/metadata/tags');
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.nat(), ({ path }, at) => {
        const more = structuredClone(summary);
        objectsOf(more).find((each) => each.path === path)!.object.surplus = 1;
        expect(summaryProblems(more), path).not.toEqual([]);
        const less = structuredClone(summary);
        const { object } = objectsOf(less).find((each) => each.path === path)!;
        const fields = Object.keys(object);
        delete object[fields[at % fields.length]!];
        expect(summaryProblems(less), path).not.toEqual([]);
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  it('knows every metric', () => {
    const file = new URL('./summary.schema.json', import.meta.url);
    const { $defs } = JSON.parse(readFileSync(file, 'utf8')) as {
      $defs: Record<string, { properties: { name: { enum: string[] } } }>;
    };
    const names = ['trend', 'counter', 'rate', 'gauge'].map((type) => $defs[type]!.properties.name.enum);
    expect(names).toEqual([[...TRENDS], [...COUNTERS], [...RATES], [...GAUGES]]);
  });
});

/** Every object in a value, with the way to it. */
function objectsOf(value: unknown, path = ''): Array<{ path: string; object: Record<string, unknown> }> {
  if (value === null || typeof value !== 'object') return [];
  const inside = Object.entries(value).flatMap(([key, each]) => objectsOf(each, `${path}/${key}`));
  return Array.isArray(value) ? inside : [{ path, object: value as Record<string, unknown> }, ...inside];
}
