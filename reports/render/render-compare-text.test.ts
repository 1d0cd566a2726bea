import { expect, it } from 'vitest';
import { createRandom } from '../../loadgen/random.ts';
import { compareRuns } from '../compare/compare-runs.ts';
import { type SimulatedRun, simulateRun } from '../compare/simulated-run.fixture.ts';
import { renderCompareMarkdown } from './render-compare-markdown.ts';
import { renderCompareText } from './render-compare-text.ts';

function comparisonOf(b: Partial<SimulatedRun>, label = 'after') {
  const side = (name: string, run: Partial<SimulatedRun>) => ({
    label: name,
    runs: [
      simulateRun(`${name}-1`, { seconds: 15, rate: 80, memory: 0, wobble: 0.02, ...run }, createRandom(9).fork(name)),
    ],
  });
  return compareRuns(side('before', {}), side(label, b), {
    percents: [50, 99, 99.9],
    metrics: ['delivery_latency', 'sent_latency'],
    judged: ['delivery_latency:p50', 'delivery_latency:p99.9'],
    tolerance: { share: 0.05, ms: 0.5 },
    seed: 4,
    resamples: 200,
  });
}

it('text ends with the verdict in a sentence, says the method, and stays within 100 columns', () => {
  const text = renderCompareText(comparisonOf({ shift: 1.4 }), { outputs: [{ label: 'HTML', value: 'c.html' }] });
  expect(text).toMatch(/p50 \* +\S+ +\S+ +\+\S+% +\+\S+% to \+\S+% {2}worse/);
  expect(text).toMatch(/p99\.9 \* +\S+ +\S+ +too few\n +there are 1,200 samples, p99\.9 needs 10,000/);
  expect(text.replace(/\s+/g, ' ')).toContain('Their intervals, at 97.5% each, hold together at 95%');
  expect(text.replace(/\s+/g, ' ')).toContain('beyond the tolerance of 5% and 0.5 ms');
  expect(text).toMatch(/HTML +c\.html\n\n {2}WORSE\n {2}b is worse than a: [^\n]+/);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(text).not.toContain('\u001b');
  expect(renderCompareText(comparisonOf({}), { colour: true })).toContain('\u001b[33;1mNOT JUDGED');
});

it('Markdown shows what is judged, folds the rest, and lets no label become markup', () => {
  const markdown = renderCompareMarkdown(comparisonOf({ shift: 1.4 }, 'a|b <b>*x* @all'));
  expect(markdown).toMatch(/^### WORSE: a\\\|b &lt;b\\>\\\*x\\\* @\u200ball against before\n/);
  expect(markdown).toMatch(/\| `delivery_latency` p50 \| \S+ ms \| \S+ ms \| \+\S+ \| \+\S+ to \+\S+ \| ❌ worse \|/);
  expect(markdown).toContain('<summary>9 rows that were only looked at</summary>');
});
