import { afterEach, describe, expect, it, vi } from 'vitest';
import { runSnapshot } from '../coordinator/run-snapshot.fixture.ts';
import { progressBlock, sparkline } from './progress-block.ts';
import { troublesOf } from './progress-troubles.ts';
import { createProgressView, type ProgressStream } from './progress-view.ts';

const HISTORY = [null, 1, 2, 4, 8];

function block(columns: number, fields: Parameters<typeof runSnapshot>[0] = {}, rows = 24): string[] {
  const snapshot = runSnapshot(fields);
  return progressBlock(snapshot, {
    columns,
    rows,
    colour: false,
    history: HISTORY,
    troubles: troublesOf(snapshot, 9_000),
  });
}

const BAD = {
  agentsGone: ['agent-1 ended with signal SIGKILL'],
  progress: { failed: { generator: 3, server: 1_200 }, reconnecting: 1, dropped: 7, droppedAway: 2, duplicated: 1 },
  faults: [
    { kind: 'freeze-shard', startMs: 4_000, endedMs: null, detail: 'shard 1 stopped (pid 4711)', problem: null },
    { kind: 'kill-shard', startMs: 1_000, endedMs: 1_000, detail: 'shard 0 killed', problem: null },
  ],
  exceeded: [{ metric: 'delivery_latency', threshold: 'p(99)<100', value: 123.456, ok: false }],
  recent: { busiestAgentCpu: 0.97 },
} satisfies Parameters<typeof runSnapshot>[0];

describe('the block of lines', () => {
  it('tells phase, connections, rates, latency and cost', () => {
    expect(block(100, { recent: { machineCpu: 1.77 } })).toEqual([
      'steady       █████████████████████░░░░░░░░░ 42s of 1m',
      'connections  50,000',
      'messages     42/s sent · 41/s delivered · 41.7/s offered · 1,749 in all',
      'delivery     p50 2.1 ms · p99 6.8 ms   ▂▃▅█',
      'CPU          server 1.2 cores · 3 agents 0.42 cores · busiest 0.20 · whole machine 1.8',
    ]);
  });

  it('fits a narrow terminal', () => {
    expect(block(39)).toEqual([
      'steady  ███████████████░░░░░░ 42s of 1m',
      'connections 50,000',
      'messages 42/s sent · 41/s delivered',
      'delivery p50 2.1 ms · p99 6.8 ms',
      'CPU server 1.2 cores',
    ]);
  });

  it.each([10, 20, 39, 40, 56, 79, 100, 250])('never exceeds %i cells, nor the lines there are', (columns) => {
    for (const fields of [
      {},
      BAD,
      { phase: 'connect' as const, phaseLengthMs: null, recent: { deliveryP99Ms: null } },
    ]) {
      const lines = block(columns, fields, 7);
      expect(lines.length).toBeLessThanOrEqual(7);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
  });

  it('says in plain words what is wrong, the gravest first', () => {
    expect(block(100, BAD).slice(5)).toEqual([
      '! agent lost: agent-1 ended with signal SIGKILL',
      '! fault freeze-shard in force for 5s: shard 1 stopped (pid 4711)',
      '! 1,200 connections could not be opened: the server refused or did not answer',
      '! 3 connections could not be opened for lack of ports or descriptors here',
      '! 1 connection lost and being opened again',
      '  and 4 more',
    ]);
    expect(troublesOf(runSnapshot(BAD), 0).slice(5)).toEqual([
      'limit exceeded so far: delivery_latency p(99)<100 is 123 ms',
      '7 messages could not be sent on time, 2 of them without a connection',
      '1 message arrived twice',
      'an agent uses 0.97 of its core: the load generator may be the limit',
    ]);
    expect(troublesOf(runSnapshot(), 0)).toEqual([]);
  });

  it('says by the limits of the verdict that the generator is late, but not of whom a fault cut off', () => {
    const late = { recent: { slipP99Ms: 120.4 }, progress: { loopDelayP99Ms: 84 } };
    expect(troublesOf(runSnapshot(late), 0)).toEqual([
      'sends start 120 ms late (p99 of the last 5 s), agents could be held up for 84 ms (p99 of the steady phase so far); ' +
        'more than 5 ms makes a run inconclusive unless all else is well',
    ]);
    expect(troublesOf(runSnapshot({ ...late, generatorLimitMs: 200 }), 0)).toEqual([]);
    expect(troublesOf(runSnapshot({ ...late, phase: 'drain' }), 0)).toEqual([]);
    const cutOff = { faults: BAD.faults.slice(0, 1), recent: late.recent };
    expect(troublesOf(runSnapshot(cutOff), 9_000)).toEqual([expect.stringMatching(/^fault freeze-shard/)]);
  });

  it('draws the last minute, blank where nothing was delivered', () => {
    expect(sparkline([9, null, 0, 4, 8], 4)).toBe(' ▁▅█');
    expect(sparkline([0, 0], 9)).toBe('▁▁');
  });

  it('uses colours only where they are wanted', () => {
    const options = { columns: 80, rows: 24, history: [], troubles: ['bad'] };
    expect(progressBlock(runSnapshot(), { ...options, colour: true }).at(-1)).toBe('\x1b[31m! bad\x1b[0m');
    expect(progressBlock(runSnapshot(), { ...options, colour: false }).join('')).not.toContain('\x1b');
  });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal is told
const CONTROLS = /(\x1b\[\d*[AJK]|\r|\n)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal is told
const CURSOR_UP = /^\x1b\[(\d+)A$/;

/** As much of a terminal as is made use of: lines, the cursor going up, erasing to the end of line and screen. */
class Terminal implements ProgressStream {
  isTTY = true;
  columns = 80;
  rows = 24;
  lines = [''];
  #row = 0;
  #column = 0;
  write(text: string): boolean {
    for (const part of text.split(CONTROLS)) {
      const up = CURSOR_UP.exec(part);
      const line = this.lines[this.#row] ?? '';
      if (up) this.#row -= Number(up[1]);
      else if (part === '\r') this.#column = 0;
      else if (part === '\n') [this.#row, this.#column] = [this.#row + 1, 0];
      else if (part === '\x1b[K') this.lines[this.#row] = line.slice(0, this.#column);
      else if (part === '\x1b[J') this.lines.splice(this.#row, Number.POSITIVE_INFINITY, line.slice(0, this.#column));
      else {
        this.lines[this.#row] = line.slice(0, this.#column) + part + line.slice(this.#column + part.length);
        this.#column += part.length;
      }
    }
    return true;
  }
}

describe('the view', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('redraws its lines in place, and notices stay above them', () => {
    vi.stubEnv('TERM', 'xterm');
    const terminal = new Terminal();
    const view = createProgressView(terminal, { quiet: false, colour: false });
    view.notice('before');
    view.show(runSnapshot(), ['one', 'two']);
    view.show(runSnapshot(), []);
    expect(terminal.lines).toHaveLength(6);
    view.notice('fault kill-shard: shard 0 killed');
    view.show(runSnapshot({ phase: 'drain' }), ['one']);
    expect(terminal.lines).toEqual([
      'before',
      'fault kill-shard: shard 0 killed',
      expect.stringMatching(/^drain /),
      'connections  50,000',
      expect.stringMatching(/^messages /),
      expect.stringMatching(/^delivery /),
      expect.stringMatching(/^CPU /),
      '! one',
    ]);
    view.end();
    expect(terminal.lines).toEqual(['before', 'fault kill-shard: shard 0 killed', '']);
  });

  it('lets nothing that others say move the cursor', () => {
    vi.stubEnv('TERM', 'xterm');
    for (const quiet of [true, false]) {
      const terminal = new Terminal();
      const view = createProgressView(terminal, { quiet, colour: false });
      view.notice('agent on a\x1b[2Jhost\nlost');
      view.show(runSnapshot(), ['agent lost: \x1b[1A\x07b']);
      expect(terminal.lines[0]).toBe('agent on ahost lost');
      if (!quiet) expect(terminal.lines.at(-1)).toBe('! agent lost: b');
    }
  });

  it('counts the rows that its lines take in a terminal that became narrower', () => {
    vi.stubEnv('TERM', 'xterm');
    const terminal = new Terminal();
    const written: string[] = [];
    const view = createProgressView(terminal, { quiet: false, colour: true });
    view.show(runSnapshot(), []);
    terminal.write = (text) => written.push(text) > 0;
    terminal.columns = 40;
    view.show(runSnapshot(), []);
    // Of five lines those of phase, messages and CPU are longer than 40 cells.
    expect(written[0]!.startsWith('\r\x1b[7A')).toBe(true);
  });

  it('writes a line every ten seconds, or for a new phase, where it is no terminal', () => {
    const terminal = new Terminal();
    terminal.isTTY = false;
    const view = createProgressView(terminal, { quiet: false, colour: false });
    for (const phase of ['connect', 'connect', 'steady', 'steady'] as const) view.show(runSnapshot({ phase }), []);
    expect(terminal.lines).toEqual([
      expect.stringMatching(/^connect {2}█+ 42s of 1m · 50,000 connections/),
      expect.stringMatching(/^steady .* 42\/s sent, 41\/s delivered · p50 2.1 ms, p99 6.8 ms · server 1.2 cores$/),
      '',
    ]);
  });
});
