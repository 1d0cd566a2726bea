import { DOMParser, type Element, onErrorStopParsing } from '@xmldom/xmldom';
import { describe, expect, it } from 'vitest';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import { runStart, runSummary } from '../results/results-fixtures.suite.ts';
import { modelOf } from './interval-fixtures.suite.ts';
import { renderJUnit } from './render-junit.ts';
import { sampleModel } from './sample-model.ts';

interface ReadCase {
  classname: string;
  name: string;
  outcome: string;
  message: string;
  text: string;
}

/** Reads it strictly, and checks what both schemas ask for. */
function read(xml: string): { suite: Record<string, string>; cases: ReadCase[]; properties: Record<string, string> } {
  const { documentElement: root } = new DOMParser({ onError: onErrorStopParsing }).parseFromString(xml, 'text/xml');
  expect(root!.nodeName).toBe('testsuites');
  const [suite, ...others] = childrenOf(root!);
  expect(others).toEqual([]);
  expect(suite!.nodeName).toBe('testsuite');
  const parts = childrenOf(suite!);
  const names = parts.map(({ nodeName }) => nodeName);
  expect(names.join(' ')).toMatch(/^properties( testcase)+ system-out system-err$/);
  const own = attributesOf(suite!);
  expect(own.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  const cases = parts.filter(({ nodeName }) => nodeName === 'testcase').map(readCase);
  const count = (outcome: string): string => String(cases.filter((each) => each.outcome === outcome).length);
  expect(own).toMatchObject({ package: 'plimsoll', id: '0', hostname: expect.stringMatching(/./) });
  expect(own).toMatchObject({ tests: String(cases.length), failures: count('failure'), errors: count('error') });
  expect(own.skipped).toBe(count('skipped'));
  const properties = childrenOf(parts[0]!).map(attributesOf);
  return { suite: own, cases, properties: Object.fromEntries(properties.map(({ name, value }) => [name!, value!])) };
}

function readCase(element: Element): ReadCase {
  const { name, classname, time, ...rest } = attributesOf(element);
  expect(rest).toEqual({});
  expect(time).toMatch(/^\d+\.\d{3}$/);
  const [outcome, ...others] = childrenOf(element);
  expect(others).toEqual([]);
  const { message = '', type } = outcome ? attributesOf(outcome) : {};
  if (outcome) expect(type === undefined).toBe(outcome.nodeName === 'skipped');
  const found = outcome?.nodeName ?? 'passed';
  return { name: name!, classname: classname!, outcome: found, message, text: outcome?.textContent ?? '' };
}

function childrenOf(element: Element): Element[] {
  return Array.from(element.childNodes).filter((node): node is Element => node.nodeType === 1);
}

function attributesOf(element: Element): Record<string, string> {
  return Object.fromEntries(Array.from(element.attributes).map(({ name, value }) => [name, value]));
}

function junitOf(change: (summary: RunSummary) => void) {
  return read(renderJUnit(sampleModel({ summary: change })));
}

function outcomes(cases: ReadCase[]): string[] {
  return cases.filter(({ outcome }) => outcome !== 'passed').map(({ name, outcome }) => `${outcome}: ${name}`);
}

describe('the JUnit XML', () => {
  it('of a pass is a suite without failures, that says which run it was', () => {
    const { suite, cases, properties } = junitOf(() => {});
    expect(suite).toMatchObject({ name: 'plimsoll fifty-thousand', tests: '11', failures: '0', errors: '0' });
    expect(suite).toMatchObject({ timestamp: '2026-03-14T09:26:53', time: '90.000' });
    expect(cases.map(({ classname, name }) => `${classname} ${name}`)).toEqual([
      'fifty-thousand.run verdict',
      'fifty-thousand.run the run counts: the load generator was not the limit',
      'fifty-thousand.thresholds delivery_latency p(99)<100',
      'fifty-thousand.thresholds sent_latency p(99)<50',
      'fifty-thousand.thresholds messages_lost count==0',
      'fifty-thousand.thresholds connections value>=50000',
      'fifty-thousand.thresholds messages_dropped rate<0.4',
      'fifty-thousand.ledger no message lost',
      'fifty-thousand.ledger no message duplicated',
      'fifty-thousand.ledger no message reordered',
      'fifty-thousand.ledger every message accounted for',
    ]);
    expect(properties).toMatchObject({ run: '01JPA7V5ZK4T8Q2M9R3W6X1Y0B', seed: '7', 'tag commit': '4f1c2ab' });
    expect(properties.machine).toBe('2 cores, AMD EPYC 7B13, 25276510208 bytes of memory');
  });

  const fail = (summary: RunSummary): void => {
    Object.assign(summary.results.thresholds[0]!, { value: 140, ok: false });
    Object.assign(summary.ledger, { lost: 2, delivered: summary.ledger.delivered - 2 });
    summary.faults = [{ kind: 'kill-shard', atSeconds: 2, recoverySeconds: null, lost: 0, detail: 'shard 1' }];
    summary.failures = ['p(99) was 140 ms', '2 acknowledged message(s) were lost'];
    summary.verdict = 'fail';
  };

  it('of a fail has what was measured and the limit', () => {
    const { cases } = junitOf(fail);
    expect(outcomes(cases)).toEqual([
      'failure: verdict',
      'failure: delivery_latency p(99)<100',
      'failure: no message lost',
      'failure: recovery from kill-shard at 2 s',
    ]);
    expect(cases[0]!.text).toContain('2 acknowledged message(s) were lost');
    expect(cases[2]).toMatchObject({
      message: 'delivery_latency should meet p(99)<100; measured: 140 ms',
      text: 'measured: 140 ms\nlimit: p(99)<100',
    });
    expect(cases[7]!.message).toBe('2 of 2,662 lost; limit: 0');
  });

  it('of an inconclusive run has one error, and holds nothing against the server', () => {
    const { cases } = junitOf((summary) => {
      fail(summary);
      summary.verdict = 'inconclusive';
      summary.validity = { valid: false, reasons: ['agent-0 used more than 80% of a core'] };
    });
    expect(outcomes(cases)).toEqual([
      'skipped: verdict',
      'error: the run counts: the load generator was not the limit',
      'skipped: delivery_latency p(99)<100',
      'skipped: no message lost',
      'skipped: recovery from kill-shard at 2 s',
    ]);
    expect(cases[1]!.message).toBe('agent-0 used more than 80% of a core');
  });

  it('tells what was not measured from what held', () => {
    const { cases } = junitOf((summary) => Object.assign(summary.results.thresholds[0]!, { value: null, ok: true }));
    expect(outcomes(cases)).toEqual(['skipped: delivery_latency p(99)<100']);
    expect(cases[2]!.message).toContain('not measured');
  });

  it.each(['interrupted', 'running'] as const)('of a run that is %s is an error', (status) => {
    const { cases, properties } = read(renderJUnit(modelOf(['sent_latency'], { status })));
    expect(outcomes(cases)).toEqual(['error: verdict']);
    expect(properties).toEqual({ run: 'a-run', status });
  });

  it('is XML whatever the texts are', () => {
    const awkward = '<b> & "quoted" ]]> \u0000\u0008\u001b[31m \ud800 \ufffe 🚢 \t\n end';
    const summary = runSummary(runStart('awkward', { name: awkward, tags: { [awkward]: awkward } }));
    summary.failures = [awkward];
    const { cases, properties } = read(renderJUnit(modelOf([], { status: 'finished', summary, command: awkward })));
    const kept = '<b> & "quoted" ]]> \ufffd\ufffd\ufffd[31m \ufffd \ufffd 🚢 \t\n end';
    expect(properties.command).toBe(kept);
    expect(cases[0]!.text).toContain(kept);
  });
});
