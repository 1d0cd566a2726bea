import { describe, expect, it } from 'vitest';
import { parseThreshold, parseThresholds, ThresholdError } from './thresholds.ts';

describe('the grammar', () => {
  it.each([
    ['avg<5', { method: 'avg' }, '<', 5],
    ['min >= 0', { method: 'min' }, '>=', 0],
    ['max<=1.5e3', { method: 'max' }, '<=', 1500],
    ['med < 10', { method: 'percentile', percentile: 50 }, '<', 10],
    [' p(99.9)  <  250.5 ', { method: 'percentile', percentile: 99.9 }, '<', 250.5],
    ['p(0)>.5', { method: 'percentile', percentile: 0 }, '>', 0.5],
    ['p( 95 )!=1', { method: 'percentile', percentile: 95 }, '!=', 1],
    ['p(100)==1', { method: 'percentile', percentile: 100 }, '==', 1],
    ['avg===1', { method: 'avg' }, '===', 1],
    ['avg>-1', { method: 'avg' }, '>', -1],
  ])('reads %j of a trend', (source, aggregation, operator, limit) => {
    const threshold = parseThreshold('delivery_latency', source);
    expect(threshold).toMatchObject({
      aggregation: { type: 'trend', name: 'delivery_latency', ...aggregation },
      operator,
      limit,
    });
    expect(threshold).toMatchObject({
      source: source.trim(),
      windowMs: null,
      abortOnFail: false,
      delayAbortEvalMs: 0,
      tags: {},
    });
  });

  it('reads counters, gauges, windows, tags and the object form', () => {
    expect(parseThreshold('messages_lost', 'count==0').aggregation).toEqual({
      type: 'counter',
      name: 'messages_lost',
      method: 'count',
    });
    expect(parseThreshold('messages_sent', 'rate>=41').aggregation).toMatchObject({ type: 'counter', method: 'rate' });
    expect(parseThreshold('server_rss_bytes', 'value<4e8').aggregation).toMatchObject({
      type: 'gauge',
      method: 'value',
    });
    expect(parseThreshold('delivery_latency', 'p(99)<100 over 30s')).toMatchObject({ limit: 100, windowMs: 30_000 });
    expect(parseThreshold('delivery_latency', 'p(99) < 100  over  1m30s').windowMs).toBe(90_000);
    expect(parseThreshold('delivery_latency{phase:warm-up, source:agent-0}', 'avg<5')).toMatchObject({
      metric: 'delivery_latency{phase:warm-up, source:agent-0}',
      tags: { phase: 'warm-up', source: 'agent-0' },
    });
    expect(
      parseThreshold('sent_latency', { threshold: 'avg<5', abortOnFail: true, delayAbortEval: '10s' }),
    ).toMatchObject({
      source: 'avg<5',
      abortOnFail: true,
      delayAbortEvalMs: 10_000,
    });
  });
});

describe('what is wrong gets a sentence', () => {
  it.each([
    [
      'delivery_latency',
      'p(99)',
      'the threshold "p(99)" of delivery_latency is not of the form "method operator value"; write one like p(99)<100',
    ],
    ['delivery_latency', '', 'is not of the form'],
    ['delivery_latency', 'p(99)=100', 'is not of the form'],
    ['delivery_latency', 'p(99)<100ms', 'compares with "100ms", which is not a number'],
    ['delivery_latency', 'p(99)<', 'compares with "", which is not a number'],
    ['delivery_latency', 'p(99)<<5', 'compares with "<5"'],
    ['delivery_latency', 'p(99)<1e999', 'not a number'],
    ['delivery_latency', 'p(101)<5', 'asks for percentile 101; percentiles go from 0 to 100'],
    ['delivery_latency', 'p99<5', 'uses "p99", which does not fit a trend; did you mean "p(99)"?'],
    ['delivery_latency', 'count<5', 'uses "count", which does not fit a trend (known: avg, min, med, max, p(N))'],
    ['delivery_latency', 'mac<5', 'did you mean "max"?'],
    ['messages_lost', 'p(99)<5', 'does not fit a counter'],
    ['messages_lost', 'cuont==0', 'did you mean "count"?'],
    ['connections', 'rate>5', 'does not fit a gauge'],
    ['connections', 'value>5 over 30s', 'asks for windows, which a gauge does not have; leave out "over 30s"'],
    ['delivery_latency', 'avg<5 over 30', 'the duration "30" has no unit'],
    ['delivery_latency', 'avg<5 over 0s', 'has a window of 0 s'],
    ['delivery_latency', 'avg<5 over 1500ms', 'has a window of 1500ms; write whole seconds'],
    [
      'delivery_latncy',
      'avg<5',
      'a threshold names the unknown metric "delivery_latncy"; did you mean "delivery_latency"?',
    ],
    ['delivery_latency{phase:stedy}', 'avg<5', 'has the unknown phase "stedy"; did you mean "steady"?'],
    ['delivery_latency{status:200}', 'avg<5', 'has the unknown tag "status" (known: phase, source)'],
    ['delivery_latency{source}', 'avg<5', 'gives the tag "source" no value'],
    ['delivery_latency{', 'avg<5', 'is not a metric'],
  ])('%s: %j', (metric, source, message) => {
    expect(() => parseThreshold(metric, source)).toThrow(message);
  });

  it('names all problems of all thresholds at once', () => {
    const parse = () => parseThresholds({ delivery_latency: ['avg<1', 'foo<1'], nothing_known: ['avg<1', 'max<1'] });
    expect(parse).toThrow(ThresholdError);
    try {
      parse();
    } catch (error) {
      expect((error as ThresholdError).problems).toHaveLength(2);
    }
  });
});
