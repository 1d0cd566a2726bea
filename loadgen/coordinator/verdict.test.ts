import { describe, expect, it } from 'vitest';
import { judge, type VerdictInput } from './verdict.ts';
import type { MachineSecond } from './verdict-generator.ts';

const START = 1_700_000_000_000;

/** A run in which everything went well. */
function goodRun(changes: Partial<VerdictInput> = {}): VerdictInput {
  return {
    thresholds: [{ metric: 'delivery_latency', threshold: 'p(99)<100', value: 12, ok: true }],
    ledger: { sent: 6_000, acknowledged: 6_000, delivered: 6_000, lost: 0, duplicated: 0, reordered: 0, pending: 0 },
    contradictions: { neverSent: 0, failedButArrived: 0 },
    missingLedgers: 0,
    offeredMessages: 6_000,
    sends: true,
    achievedMessages: 6_000,
    droppedMessages: 0,
    steadySeconds: 60,
    connectionsRequested: 1_000,
    catchingUp: 0,
    usersComeAndGo: false,
    connectionsOpened: 1_000,
    connectingCutShort: false,
    connectionsLost: 0,
    connectFailed: { generator: 0, server: 0 },
    connectReasons: [],
    objectiveMs: 100,
    seconds: Array.from({ length: 60 }, (_, i) => ({
      atMs: START + i * 1_000,
      sent: 100 * (i + 1),
      delivered: 100 * (i + 1) - (i % 3),
      serverRssBytes: 200e6 + (i % 5) * 1e6,
      connections: 1_000,
    })),
    faults: [],
    agentCpu: new Map([['agent-0', Array.from({ length: 60 }, () => 0.3)]]),
    agentLoopDelayMs: new Map([['agent-0', 1]]),
    slipP99Ms: 1.2,
    deadAgents: [],
    laggingAgents: [],
    machine: null,
    unsteadyClocks: [],
    clockErrorMs: 0,
    nodeGone: null,
    rows: { recorded: 500, stored: 500 },
    complete: true,
    ...changes,
  };
}

describe('judge', () => {
  it('passes a run in which everything held', () => {
    expect(judge(goodRun())).toEqual({ verdict: 'pass', failures: [], reasons: [] });
  });

  it.each<[string, Partial<VerdictInput>, RegExp]>([
    [
      'a threshold',
      { thresholds: [{ metric: 'delivery_latency', threshold: 'p(99)<100', value: 180.4, ok: false }] },
      /delivery_latency should meet p\(99\)<100, but was 180\.4/,
    ],
    [
      'a threshold on something that was not measured',
      { thresholds: [{ metric: 'delivery_latency', threshold: 'p(99)<100', value: null, ok: false }] },
      /nothing was measured/,
    ],
    ['a lost message', { ledger: { ...goodRun().ledger, lost: 1 } }, /1 acknowledged message\(s\) were lost/],
    ['a duplicate', { ledger: { ...goodRun().ledger, duplicated: 2 } }, /2 message\(s\) were delivered twice/],
    [
      'a message from nowhere',
      { contradictions: { neverSent: 1, failedButArrived: 0 } },
      /1 message\(s\) arrived that nobody sent/,
    ],
    [
      'a refusal that was none',
      { contradictions: { neverSent: 0, failedButArrived: 2 } },
      /2 message\(s\) arrived although the server had said/,
    ],
    [
      'connections that the server ended for good',
      { connectionsLost: 7 },
      /7 connection\(s\) were ended by the server/,
    ],
    ['a wrong order', { ledger: { ...goodRun().ledger, reordered: 3 } }, /3 message\(s\) arrived out of order/],
    [
      'connections that the server refused',
      { connectionsOpened: 990, connectFailed: { generator: 0, server: 10 }, connectReasons: ['refused'] },
      /10 of 1,000 connections were not opened: refused/,
    ],
    [
      'messages that were offered but not delivered',
      { achievedMessages: 5_900 },
      /only 98\.33% of the offered messages/,
    ],
    ['a node that ended by itself', { nodeGone: 'ended by SIGSEGV' }, /ended by itself: ended by SIGSEGV/],
    [
      'a backlog that grows',
      { seconds: goodRun().seconds.map((second, i) => ({ ...second, delivered: second.sent - 5 * i })) },
      /the backlog .* grew by 5 messages a second/,
    ],
    [
      'memory that grows beyond its budget',
      { seconds: goodRun().seconds.map((second, i) => ({ ...second, serverRssBytes: 200e6 + i * 5e6 })) },
      /memory grew by 300 MB a minute/,
    ],
  ])('fails %s', (_what, changes, sentence) => {
    const { verdict, failures } = judge(goodRun(changes));
    expect(verdict).toBe('fail');
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatch(sentence);
  });

  const slow = { thresholds: [{ metric: 'delivery_latency', threshold: 'p(99)<100', value: 180, ok: false }] };

  it.each<[string, Partial<VerdictInput>, RegExp]>([
    [
      'an agent out of CPU',
      { agentCpu: new Map([['agent-1', Array.from({ length: 60 }, (_, i) => (i < 12 ? 0.97 : 0.4))]]) },
      /agent-1 used more than 85% of a core in 20%/,
    ],
    ['an agent that was held up', { agentLoopDelayMs: new Map([['agent-0', 9]]) }, /agent-0 could be held up for 9 ms/],
    ['late sends', { slipP99Ms: 7.5 }, /sends started 7\.5 ms late/],
    [
      'descriptors that ran out',
      { connectionsOpened: 900, connectFailed: { generator: 100, server: 0 } },
      /100 connection\(s\) could not be opened for a cause on the generator/,
    ],
    [
      'an agent that fell behind',
      { laggingAgents: [{ name: 'agent-1 on beta', how: 'fell behind: its reports came up to 3.0 s late' }] },
      /agent-1 on beta fell behind: its reports came up to 3\.0 s late/,
    ],
    ['a clock that was set', { unsteadyClocks: ['agent-1'] }, /the clock of agent-1 was set or stood still/],
    ['clocks that are not known well', { clockErrorMs: 12 }, /known to 12 ms only, more than 10% of the 100 ms/],
    [
      'sends that could not be started',
      { achievedMessages: 5_000, droppedMessages: 1_000 },
      /1,000 message\(s\) could not be started on time/,
    ],
  ])('does not blame the server for %s', (_what, changes, sentence) => {
    const { verdict, reasons } = judge(goodRun({ ...slow, ...changes }));
    expect(verdict).toBe('inconclusive');
    expect(reasons.join('\n')).toMatch(sentence);
  });

  const second = { used: 1.98, stolen: 0, ofRun: 0.2 };
  it.each<[string, MachineSecond | null, RegExp]>([
    [
      'something else',
      second,
      /; it used 0\.08 of a core only: something else took 1\.8 of this machine’s 2 cores in 100%/,
    ],
    [
      'the server',
      { ...second, ofRun: 1.9 },
      /only: server and agents together took 1\.9 of this machine’s 2 cores in 100%/,
    ],
    [
      'another machine',
      { ...second, stolen: 0.4 },
      /another virtual machine had 0\.4 of this machine’s 2 cores \(steal\)/,
    ],
    ['the agent itself', { ...second, used: 0.3 }, /this machine had CPU to spare \(0\.3 of this machine’s 2 cores/],
    ['who knows what', null, /its machine may have been busy with something else; stop that, or use another machine/],
  ])('says that %s kept an agent that used hardly any CPU', (_what, each, sentence) => {
    const idle = {
      agentCpu: new Map([['agent-0', Array.from({ length: 60 }, () => 0.08)]]),
      agentLoopDelayMs: new Map([['agent-0', 120]]),
      slipP99Ms: 130,
      machine: each && { cores: 2, seconds: Array.from({ length: 60 }, () => each) },
    };
    const { reasons } = judge(goodRun({ ...slow, ...idle }));
    expect(reasons).toEqual([
      expect.stringMatching(sentence),
      'sends started 130 ms late (send slip p99), more than 5% of the 100 ms objective',
    ]);
    expect(reasons.join()).not.toContain('more agents');
    const near = new Map([['agent-0', Array.from({ length: 60 }, () => 0.8)]]);
    expect(judge(goodRun({ ...slow, ...idle, agentCpu: near })).reasons[0]).toMatch(/; use more agents or machines$/);
  });

  it('takes half a minute in which a heap filled for no leak', () => {
    const seconds = goodRun().seconds.map((second, i) => ({ ...second, serverRssBytes: 200e6 + i * 1.4e6 }));
    expect(judge(goodRun({ seconds: seconds.slice(0, 30) })).verdict).toBe('pass');
    expect(judge(goodRun({ seconds })).verdict).toBe('fail');
  });

  it.each<[string, Partial<VerdictInput>]>([
    ['lost', { ledger: { ...goodRun().ledger, lost: 1 } }],
    ['repeated', { ledger: { ...goodRun().ledger, duplicated: 1 } }],
    ['made up', { contradictions: { neverSent: 1, failedButArrived: 0 } }],
  ])('blames the server for a message that was %s, however late the generator was', (_what, changes) => {
    expect(judge(goodRun({ ...changes, slipP99Ms: 500 })).verdict).toBe('fail');
    // Nobody knows what the ledgers that are not there would say.
    expect(judge(goodRun({ ...changes, missingLedgers: 1 })).verdict).toBe('inconclusive');
    expect(judge(goodRun({ ...changes, catchingUp: 3 })).verdict).toBe('inconclusive');
  });

  const fault = { kind: 'kill-shard', atSeconds: 20, recoverySeconds: 2.5, lost: 0 };

  it('passes a run that has recovered from its faults', () => {
    expect(judge(goodRun({ faults: [fault] })).verdict).toBe('pass');
  });

  it('fails one that has not', () => {
    const { verdict, failures } = judge(goodRun({ faults: [fault, { ...fault, recoverySeconds: null }] }));
    expect(verdict).toBe('fail');
    expect(failures).toEqual(['delivery had not recovered from kill-shard at 20 s when the run ended']);
  });

  it('does not judge what could not be broken', () => {
    const undone = { ...fault, recoverySeconds: null, problem: 'shard 1 is not up' };
    const { verdict, failures, reasons } = judge(goodRun({ faults: [undone] }));
    expect({ verdict, failures }).toEqual({ verdict: 'inconclusive', failures: [] });
    expect(reasons).toEqual(['the fault kill-shard at 20 s could not be carried out: shard 1 is not up']);
  });

  it('passes a strained generator when everything held all the same', () => {
    expect(judge(goodRun({ slipP99Ms: 30 })).verdict).toBe('pass');
  });

  it.each<[string, Partial<VerdictInput>]>([
    ['an agent died', { deadAgents: [{ name: 'agent-0', how: 'ended by SIGKILL' }] }],
    [
      'the way to all agents was lost',
      {
        deadAgents: [
          { name: 'agent-0 on alpha', how: 'could not be reached' },
          { name: 'agent-1 on beta', how: 'could not be reached' },
        ],
      },
    ],
    ['a closing ledger is missing', { missingLedgers: 1 }],
    ['it was stopped before its end', { complete: false }],
    [
      'it was stopped while connections were being opened',
      { complete: false, connectionsOpened: 175, connectingCutShort: true },
    ],
    [
      'it was stopped before a threshold had anything to look at',
      { complete: false, thresholds: [{ metric: 'delivery_latency', threshold: 'p(99)<100', value: null, ok: false }] },
    ],
    ['nothing was due', { offeredMessages: 0, achievedMessages: 0 }],
    ['rows are missing from the store', { rows: { recorded: 500, stored: 499 } }],
    ['rows are neither stored nor wait', { rows: { recorded: 500, stored: 100, waiting: 399 } }],
  ])('is inconclusive when %s, even if all that was seen is well', (_what, changes) => {
    const { verdict, failures, reasons } = judge(goodRun(changes));
    expect(verdict).toBe('inconclusive');
    expect(failures).toEqual([]);
    expect(reasons).toHaveLength(1);
  });

  it('asks for the secret when the server took no token, and blames the server when it took others', () => {
    const connectReasons = ['the server closed the connection before the welcome: 4401 the token is wrong'];
    const refused = judge(goodRun({ connectionsOpened: 0, connectReasons }));
    expect(refused.verdict).toBe('inconclusive');
    expect(refused.reasons).toEqual([
      'the server refused the tokens; is PLIMSOLL_AUTH_SECRET the secret of that node?',
    ]);
    expect(judge(goodRun({ connectionsOpened: 990, connectReasons })).verdict).toBe('fail');
    expect(judge(goodRun({ connectionsOpened: 0, connectReasons: [...connectReasons, 'timeout'] })).verdict).toBe(
      'fail',
    );
  });

  it('has nothing against a run that is to send nothing', () => {
    expect(judge(goodRun({ offeredMessages: 0, achievedMessages: 0, sends: false })).verdict).toBe('pass');
  });

  it('does not call noise in a short, slow run a growing backlog', () => {
    const seconds = goodRun()
      .seconds.slice(0, 8)
      .map((second, i) => ({ ...second, delivered: second.sent - (i % 2) }));
    expect(judge(goodRun({ seconds, offeredMessages: 80, achievedMessages: 80, steadySeconds: 8 })).verdict).toBe(
      'pass',
    );
  });
});

it('rows that wait on disk for the results store are not missing', () => {
  const { verdict, reasons } = judge(goodRun({ rows: { recorded: 500, stored: 100, waiting: 400 } }));
  expect([verdict, reasons]).toEqual(['pass', []]);
});

it('rows that are lost, and why, come before what the generator did meanwhile', () => {
  const rows = { recorded: 500, stored: 100, waiting: 150, lostBecause: 'the disk that holds x is full' };
  const { verdict, reasons } = judge(goodRun({ rows, slipP99Ms: 1_000 }));
  expect(verdict).toBe('inconclusive');
  expect(reasons).toEqual([
    '250 of 500 rows of this run are lost, because the disk that holds x is full',
    expect.stringMatching(/^sends started/),
  ]);
});
