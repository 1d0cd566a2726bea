import { describe, expect, it } from 'vitest';
import type { RunSummary } from '../loadgen/recorder/summary.ts';
import { resultOf } from './fifty-thousand.ts';
import { isMet } from './figure.ts';

/** As much of a summary as is read. */
function summaryWith(kernelBytes: number | null, p99 = 40): RunSummary {
  return {
    verdict: 'fail',
    failures: ['delivery_latency was late'],
    validity: { valid: true, reasons: [] },
    results: {
      metrics: [{ name: 'delivery_latency', type: 'trend', values: { count: 10, 'p(99)': p99 } }],
      thresholds: [],
    },
    ledger: { sent: 10, acknowledged: 10, delivered: 10, lost: 0, duplicated: 0, reordered: 0, pending: 0 },
    server: { connectionsPeak: 50_000, memoryBytesPerConnection: 4_000 },
    generator: { memoryBytesPerConnection: 7_000 },
    kernel: { memoryBytesPerConnection: kernelBytes },
    connecting: { seconds: 9, perSecond: 5_555, failed: 0 },
  } as unknown as RunSummary;
}

describe('resultOf', () => {
  it('gives each end half of the kernel memory', () => {
    const { figures } = resultOf(summaryWith(9_000), 50_000);
    const measured = (name: string) => figures.find((figure) => figure.name === name)?.measured.median;
    expect(measured('server memory a connection')).toBe(8.5);
    expect(measured('generator memory a connection')).toBe(11.5);
  });

  it('judges every figure by its target', () => {
    const { figures } = resultOf(summaryWith(9_000, 120), 60_000);
    expect(figures.filter((figure) => isMet(figure) === false).map(({ name }) => name)).toEqual([
      'connections open',
      'delivery latency p99',
      'server memory a connection',
    ]);
  });

  it('repeats the verdict of the run with its reasons', () => {
    expect(resultOf(summaryWith(9_000), 50_000).notes.join()).toContain('fail; delivery_latency was late');
  });

  it('takes a figure that is not there for a broken run, not for a zero', () => {
    expect(() => resultOf(summaryWith(null), 50_000)).toThrow('the run has no figure for: server memory a connection');
  });
});
