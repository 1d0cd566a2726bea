import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { defineScenario, type Scenario } from './scenario.ts';
import { parseScenario, ScenarioError, type scenarioSchema } from './scenario-schema.ts';

const BASE: Scenario = {
  name: 'test',
  description: 'd',
  question: 'q',
  badSign: 'b',
  connections: 100,
  load: { rate: 50 },
};

/** Every field, as an author may write it. */
const FULL = defineScenario({
  name: 'full',
  description: 'd',
  question: 'q',
  badSign: 'b',
  population: {
    dau: '500M',
    messagesPerUserPerDay: 40,
    messageBytes: '128',
    shareOnline: 0.5,
    hourlyCurve: Array.from({ length: 24 }, () => 1),
    nodes: 10_000,
  },
  connections: '25k',
  connecting: { perSecond: '2k', inFlight: 50 },
  load: { executor: 'constant-arrival-rate', at: 'peak', arrivals: 'lognormal' },
  phases: { warmUp: '2s', steady: '1m', drain: 0 },
  http: {
    rate: '1k',
    connections: 20,
    requests: [
      { path: '/v1/timeline?user={user}&limit=20', weight: 3 },
      {
        method: 'POST',
        path: '/v1/messages?user={user}',
        headers: { 'content-type': 'text/plain' },
        body: 'to {peer}',
      },
    ],
  },
  server: { shards: 3, store: 'memory:', durability: 'none' },
  seed: 7,
  options: {
    thresholds: { delivery_latency: ['p(99)<100', { threshold: 'avg<5', abortOnFail: true, delayAbortEval: '5s' }] },
  },
});

function problems(exported: unknown): readonly string[] {
  try {
    parseScenario(exported);
  } catch (error) {
    if (error instanceof ScenarioError) return error.problems;
    throw error;
  }
  return [];
}

describe('a scenario', () => {
  it('comes out in numbers', () => {
    expect(parseScenario(FULL)).toMatchObject({
      population: { dau: 500_000_000, messageBytes: 128, nodes: 10_000 },
      connections: 25_000,
      connecting: { perSecond: 2000, inFlight: 50 },
      load: { at: 'peak', arrivals: 'lognormal' },
      phases: { warmUp: 2000, steady: 60_000, drain: 0 },
      http: {
        rate: 1000,
        connections: 20,
        requests: [
          { method: 'GET', weight: 3 },
          { method: 'POST', weight: 1 },
        ],
      },
      options: {
        thresholds: {
          delivery_latency: ['p(99)<100', { threshold: 'avg<5', abortOnFail: true, delayAbortEval: '5s' }],
        },
      },
    });
  });

  it('is typed as the schema reads it', () => {
    expectTypeOf<Scenario>().toExtend<z.input<typeof scenarioSchema>>();
  });

  it('gets defaults', () => {
    expect(parseScenario(BASE)).toMatchObject({
      load: { executor: 'constant-arrival-rate', rate: 50, arrivals: 'poisson' },
      connecting: { inFlight: 200 },
      phases: { drain: 10_000 },
      seed: 1,
      options: { thresholds: {} },
    });
  });
});

describe('a mistake gets its place and a sentence', () => {
  it.each<[unknown, string]>([
    [null, 'a scenario must be an object, not null'],
    [[], 'a scenario must be an object, not []'],
    [{ ...BASE, nam: 'x' }, '"nam" is not a field of a scenario; did you mean "name"?'],
    [{ ...BASE, load: { rat: 5 } }, '"load.rat" is not a field of "load"; did you mean "rate"?'],
    [{ ...BASE, phases: { stedy: '1s' } }, '"phases.stedy" is not a field of "phases"; did you mean "steady"?'],
    [
      { ...BASE, load: { executor: 'ramping-arrival-rate', stages: [{ target: 1, duration: '1s', targt: 2 }] } },
      '"load.stages[0].targt" is not a field of "load.stages[0]"; did you mean "target"?',
    ],
    [{ ...BASE, options: { vus: 5 } }, '"options.vus" is not a field of "options" (known: thresholds, scenarios)'],
    [
      { ...BASE, load: { executor: 'ramping-vus' } },
      '"load.executor" must be "constant-arrival-rate" or "ramping-arrival-rate" or "daily-curve", not "ramping-vus"',
    ],
    [
      { ...BASE, load: { rate: -5 } },
      '"load.rate" is wrong: "-5" is not a number of 0 or more; write one like 50000, 50k, 500M or 5e8',
    ],
    [{ ...BASE, load: { rate: Number.NaN } }, '"load.rate" must be a number or text with a unit, not NaN'],
    [{ ...BASE, load: { at: 'top' } }, '"load.at" must be "mean", "peak" or a factor, not "top"'],
    [{ ...BASE, connections: 0 }, '"connections" must be 1 or more, not 0'],
    [
      { ...BASE, connections: 1.5 },
      '"connections" is wrong: "1.5" is not a whole number; write one like 50000, 50k or 500M',
    ],
    [
      { ...BASE, phases: { steady: 60 } },
      '"phases.steady" is wrong: the duration "60" has no unit; write 60s for seconds or 60ms for milliseconds',
    ],
    [{ ...BASE, server: { durability: 'sync' } }, '"server.durability" must be "fsync" or "os" or "none", not "sync"'],
    [{ ...BASE, server: { shards: 1.5 } }, '"server.shards" must be a whole number, not 1.5'],
    [
      { ...BASE, http: { rate: 0.5, requests: [{ path: '/' }] } },
      '"http.rate" is wrong: "0.5" is not a whole number; write one like 50000, 50k or 500M',
    ],
    [{ ...BASE, http: { rate: 5, requests: [] } }, '"http.requests" must have at least one request, not []'],
    [
      { ...BASE, http: { rate: 5, requests: [{ path: 'v1' }] } },
      '"http.requests[0].path" must begin with "/" and have neither blanks nor "#", not "v1"',
    ],
    [
      { ...BASE, http: { rate: 5, requests: [{ path: '/{id}' }] } },
      '"http.requests[0].path" may name {user} and {peer} in braces, nothing else, not "/{id}"',
    ],
    [
      { ...BASE, http: { rate: 5, requests: [{ path: '/', metod: 'GET' }] } },
      '"http.requests[0].metod" is not a field of "http.requests[0]"; did you mean "method"?',
    ],
    [
      { ...BASE, http: { rate: 5, requests: [{ path: '/', method: 'get' }] } },
      '"http.requests[0].method" must be "GET" or "HEAD" or "POST" or "PUT" or "PATCH" or "DELETE", not "get"',
    ],
    [
      { ...BASE, faults: [{ kind: 'kill-sard', at: '1s' }] },
      '"faults[0].kind" must be "kill-shard" or "freeze-shard" or "cut-network" or "delay-network" or "slow-consumers" or "half-open" or "reconnect-storm" or "message-store-outage" or "results-store-outage", not "kill-sard"',
    ],
    [{ ...BASE, faults: [{ kind: 'freeze-shard', at: '1s' }] }, '"faults[0].for" is missing'],
    [
      { ...BASE, faults: [{ kind: 'kill-shard', at: '1s', shad: 2 }] },
      '"faults[0].shad" is not a field of "faults[0]"; did you mean "shard"?',
    ],
    [
      { ...BASE, options: { scenarios: { a: { executor: 'constant-vus', vus: 5, duraton: '1s', duration: '1s' } } } },
      '"options.scenarios.a.duraton" is not a field of "options.scenarios.a"; did you mean "duration"?',
    ],
    [
      { ...BASE, options: { scenarios: { a: { executor: 'externally-controlled' } } } },
      '"options.scenarios.a.executor" must be "constant-vus" or "ramping-vus" or "per-vu-iterations" or "shared-iterations" or "constant-arrival-rate" or "ramping-arrival-rate", not "externally-controlled"',
    ],
    [{ ...BASE, seed: 'x' }, '"seed" must be a number, not "x"'],
    [{ ...BASE, name: 'a b' }, '"name" must be letters, digits, "-", "_" and "." only, not "a b"'],
    [{ ...BASE, description: ' ' }, '"description" must not be empty, not " "'],
    [
      { ...FULL, population: { ...FULL.population, hourlyCurve: [1, 2] } },
      '"population.hourlyCurve" must have 24 numbers, one per hour, not [1,2]',
    ],
    [
      { ...FULL, population: { ...FULL.population, shareOnline: 1.5 } },
      '"population.shareOnline" must be at most 1, not 1.5',
    ],
    [
      { ...FULL, population: { ...FULL.population, messageBytes: 8 } },
      '"population.messageBytes" must be from 36 to 65536 bytes, not 8',
    ],
    [
      { ...BASE, options: { thresholds: { sent_latency: 'avg<1' } } },
      `"options.thresholds.sent_latency" must be an array: write ['avg<1']`,
    ],
  ])('%j', (exported, sentence) => {
    expect(problems(exported)).toEqual([sentence]);
  });

  it('names every problem at once', () => {
    expect(problems({})).toEqual(
      ['name', 'description', 'question', 'badSign'].map((field) => `"${field}" is missing`),
    );
  });
});
