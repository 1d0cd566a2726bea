import fc from 'fast-check';
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
    expect(parseThreshold('http_req_failed', 'rate<0.01').aggregation).toMatchObject({ type: 'rate', method: 'rate' });
    for (const source of ['<8000', ' < 8000', 'value<8000'])
      expect(parseThreshold('server_memory_bytes_per_connection', source)).toMatchObject({
        aggregation: { type: 'gauge', name: 'server_memory_bytes_per_connection', method: 'value' },
        limit: 8000,
      });
    expect(parseThreshold('server_cpu', 'max<2 over 10s')).toMatchObject({
      aggregation: { type: 'gauge', method: 'max' },
      windowMs: 10_000,
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

describe('tags', () => {
  it.each<[string, object]>([
    ['sent_latency', {}],
    ['sent_latency{phase:drain}', { phase: 'drain' }],
    ['sent_latency { phase : drain }', { phase: 'drain' }],
    [
      'sent_latency{scenario:groups,phase:warm-up,source:agent-0}',
      { scenario: 'groups', phase: 'warm-up', source: 'agent-0' },
    ],
    [`sent_latency{'phase':"drain"}`, { phase: 'drain' }],
    ['sent_latency{scenario:a:b}', { scenario: 'a:b' }],
    ['sent_latency{scenario:"http://x"}', { scenario: 'http://x' }],
  ])('%s', (metric, tags) => {
    expect(parseThreshold(metric, 'avg<5')).toMatchObject({ metric, aggregation: { name: 'sent_latency' }, tags });
  });

  it('name a scenario of the run, where those are known', () => {
    const parse = (name: string, scenarios: string[]) =>
      parseThreshold(`sent_latency{scenario:${name}}`, 'avg<5', { scenarios });
    expect(parse('groups', ['groups', 'direct']).tags).toEqual({ scenario: 'groups' });
    expect(() => parse('group', ['groups', 'direct'])).toThrow(
      'asks for the unknown scenario "group"; did you mean "groups"?',
    );
    expect(parse('default', ['default']).tags).toEqual({});
  });

  it('and whatever is written comes back, or is refused with a sentence', () => {
    const quote = fc.constantFrom('', '"', "'");
    const blank = fc.constantFrom('', ' ');
    const value = fc.stringMatching(/^[a-z0-9][a-z0-9:._-]{0,10}[a-z0-9]$/);
    fc.assert(
      fc.property(value, value, quote, blank, (scenario, source, q, _) => {
        const metric = `sent_latency{${_}scenario${_}:${_}${q}${scenario}${q}${_},source:${q}${source}${q}${_}}`;
        expect(parseThreshold(metric, 'avg<5').tags).toEqual({ scenario, source });
      }),
    );
    fc.assert(
      fc.property(fc.string(), fc.string(), (selector, expression) => {
        try {
          parseThreshold(`sent_latency{${selector}`, `avg${expression}`);
        } catch (error) {
          expect(error).toBeInstanceOf(ThresholdError);
        }
      }),
    );
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
    ['connections', 'p(99)>5', 'does not fit a gauge (known: value, avg, min, max)'],
    ['http_req_failed', 'count<5', 'uses "count", which does not fit a rate (known: rate)'],
    ['delivery_latency', '<5', 'names no method, which only a gauge may do (known: avg, min, med, max, p(N))'],
    [
      'connections{scenario:x}',
      'value>5',
      'asks for a scenario, which connections does not have; leave out "scenario"',
    ],
    ['http_req_duration{scenario:x}', 'avg<5', 'asks for a scenario, which http_req_duration does not have'],
    ['delivery_latency', 'avg<5 over 30', 'the duration "30" has no unit'],
    ['delivery_latency', 'avg<5 over 0s', 'has a window of 0 s'],
    ['delivery_latency', 'avg<5 over 1500ms', 'has a window of 1500ms; write whole seconds'],
    [
      'delivery_latncy',
      'avg<5',
      'a threshold names the unknown metric "delivery_latncy"; did you mean "delivery_latency"?',
    ],
    ['delivery_latency{phase:stedy}', 'avg<5', 'has the unknown phase "stedy"; did you mean "steady"?'],
    ['delivery_latency{status:200}', 'avg<5', 'has the unknown tag "status" (known: phase, source, scenario)'],
    ['delivery_latency{source}', 'avg<5', 'gives the tag "source" no value'],
    ['delivery_latency{}', 'avg<5', 'has an empty tag; write name{tag:value}, or the name alone'],
    ['delivery_latency{phase:steady,}', 'avg<5', 'has an empty tag'],
    ['delivery_latency{phase:steady,phase:drain}', 'avg<5', 'gives the tag "phase" twice; a sample has one phase'],
    ['delivery_latency{source:""}', 'avg<5', 'gives the tag "source" no value'],
    ['delivery_latency{', 'avg<5', 'is not a metric'],
    ['delivery_latency}', 'avg<5', 'is not a metric'],
    ['delivery_latency{phase:steady}x', 'avg<5', 'is not a metric'],
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
