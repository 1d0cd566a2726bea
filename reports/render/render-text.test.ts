import { describe, expect, it } from 'vitest';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import { renderText, renderTextUnfinished } from './render-text.ts';
import { sampleModel, sampleModelInterrupted, sampleModelWithoutMessages } from './sample-model.ts';

const passed = () => sampleModel().summary!;
const lineWith = (text: string, part: string | RegExp) =>
  text.split('\n').find((line) => (typeof part === 'string' ? line.includes(part) : part.test(line))) ?? '';

describe('the terminal summary', () => {
  it('opens with the verdict and the claim', () => {
    const lines = renderText(passed()).trimStart().split('\n');
    expect(lines[0]).toMatch(/^PASS\s+fifty-thousand$/);
    expect(lines[1]).toMatch(/^ {2}One node held 50,000 connections/);
  });

  it('marks thresholds that held and that did not, with the measured value and its unit', () => {
    const text = renderText(
      sampleModel({
        summary: ({ results }) => {
          results.thresholds[1] = { metric: 'sent_latency', threshold: 'p(99)<5', value: 13.012, ok: false };
        },
      }).summary!,
    );
    expect(lineWith(text, /delivery_latency +p\(99\)<100/)).toMatch(/✓ .* 16\.4 ms$/);
    expect(lineWith(text, /sent_latency +p\(99\)<5 /)).toMatch(/✗ .* 13 ms$/);
  });

  it('judges no threshold that a run stopped early had nothing for', () => {
    const text = renderText(
      sampleModel({
        summary: ({ metadata, results }) => {
          metadata.complete = false;
          results.thresholds = [
            { metric: 'delivery_latency', threshold: 'p(99)<100', value: null, ok: true },
            { metric: 'server_cpu', threshold: '<1', value: null, ok: false },
          ];
        },
      }).summary!,
    );
    expect(lineWith(text, /delivery_latency +p\(99\)<100/)).toMatch(/– .* not measured$/);
    expect(lineWith(text, /server_cpu +<1/)).toMatch(/– .* not measured$/);
  });

  it('gives shares as percentages, costs with their units, and says which threshold ended the run', () => {
    const text = renderText(
      sampleModel({
        summary: ({ results }) => {
          results.thresholds = [
            { metric: 'http_req_failed', threshold: 'rate<0.01', value: 0.0025, ok: true },
            { metric: 'server_memory_bytes_per_connection', threshold: '<8000', value: 2_418, ok: true },
            { metric: 'server_cpu_microseconds_per_message', threshold: '<50', value: 61.5, ok: false },
            { metric: 'sent_latency', threshold: 'p(99)<5', value: 13, ok: false, endedRunAtSeconds: 12.1 },
          ];
        },
      }).summary!,
    );
    expect(lineWith(text, /http_req_failed/)).toMatch(/0\.25%$/);
    expect(lineWith(text, /server_memory_bytes_per_connection/)).toMatch(/2\.42 kB$/);
    expect(lineWith(text, /server_cpu_microseconds_per_message/)).toMatch(/61\.5 µs$/);
    expect(lineWith(text, /sent_latency +p\(99\)<5 /)).toMatch(/✗ .* 13 ms, which ended the run after 12\.1 s$/);
  });

  it('gives the latencies of each stream of messages where there are several', () => {
    const text = renderText(
      sampleModel({
        summary: ({ results }) => {
          results.scenarios = ['direct', 'groups'].map((name) => ({
            name,
            metrics: results.metrics.filter((metric) => metric.name === 'sent_latency'),
          }));
        },
      }).summary!,
    );
    expect(lineWith(text, /^ +direct +sent /)).not.toBe('');
    expect(lineWith(text, /^ +groups +sent /)).not.toBe('');
  });

  it('gives the ledger in one line, and what losing nothing proves', () => {
    const text = renderText(passed());
    const lines = text.split('\n');
    const header = lines.findIndex((line) =>
      /sent +acknowledged +delivered +lost +duplicated +reordered +pending/.test(line),
    );
    expect(lines[header + 1]!.trim().split(/\s+/)).toEqual(['2,662', '2,662', '2,662', '0', '0', '0', '0']);
    expect(text).toMatch(/none in 2,662: loss rate below 0\.113% at 95%/);
  });

  it('says where the agents ran, and how well their clocks are known, where that is not one machine', () => {
    const places = (agents: RunSummary['agents']) =>
      lineWith(renderText({ ...passed(), agents: agents! }).replaceAll(/\n {10,}/g, ' '), 'agents on');
    const agent = (name: string, host: string, clockBoundMs: number) => ({
      name,
      host,
      version: '1',
      clockOffsetMs: 5,
      clockBoundMs,
    });
    expect(lineWith(renderText(passed()), 'agents on')).toBe('');
    expect(places([agent('agent-0', 'alpha', 0), agent('agent-1', 'alpha', 0)])).toBe('');
    expect(places([agent('agent-0', 'alpha', 0), agent('agent-1', 'beta', 0.214)])).toContain(
      'alpha (agent-0; the coordinator’s clock), beta (agent-1; clock known to ±0.214 ms)',
    );
    expect(places([agent('agent-0', 'beta', 0.5), agent('agent-1', 'beta', 0.5)])).toContain(
      'beta (agent-0, agent-1; clock known to ±0.5 ms)',
    );
  });

  it('gives intended and service time of each latency', () => {
    const text = renderText(passed());
    expect(text).toMatch(/avg +med +p90 +p95 +p99 +p99\.9 +max +count/);
    const { values } = passed().results.metrics.find((metric) => metric.name === 'delivery_latency')! as {
      values: Record<string, number>;
    };
    expect(lineWith(text, /^ +delivery +intended/)).toContain(values['p(99)']!.toFixed(2));
    expect(lineWith(text, /^ +service/)).not.toBe('');
  });

  it('states connections and memory of server, generator and kernel apart', () => {
    const text = renderText(passed());
    expect(text).toMatch(/50,000 of 50,000, 0 failed, opened in 16\.8 s \(2,976\/s\)/);
    expect(text).toMatch(/2\.42 kB server · 4\.49 kB generator · 4\.32 kB kernel \(both ends\)/);
  });

  it('tells what a server held beyond what was asked for apart, and that closed executors send as they can', () => {
    const text = renderText(
      sampleModel({
        summary: ({ server, config }) => {
          server.connectionsPeak = 50_090;
          Object.assign(config, { rateOffered: 45, closed: true });
        },
      }).summary!,
    );
    expect(text).toMatch(/50,000 of 50,000, 0 failed, .*; the server held up to\s+50,090/);
    expect(text).toMatch(/offered 45\/s and closed executors/);
  });

  it('says why a run is inconclusive', () => {
    const text = renderText(sampleModelWithoutMessages().summary!);
    expect(text).toMatch(/INCONCLUSIVE/);
    expect(text).toMatch(/✗ No message was sent: the scenario’s rate is zero\./);
    expect(text).toMatch(/delivery_latency +p\(99\)<100 +not measured/);
    expect(text).toMatch(/nothing is known about losses/);
  });

  it('reports a ledger that does not close', () => {
    const { summary } = sampleModel({
      summary: ({ ledger }) => {
        ledger.delivered -= 2;
      },
    });
    expect(renderText(summary!)).toMatch(/The ledger does not close: 2,662 sent, but .* add up to 2,660\./);
  });

  it('ends with where the report is', () => {
    const text = renderText(passed(), { outputs: [{ label: 'HTML report', value: 'reports/latest.html' }] });
    expect(text.trimEnd()).toMatch(/HTML report +reports\/latest\.html$/);
  });

  it('fits 100 columns and has no escape sequence without colour', () => {
    const hostile = sampleModel({
      summary: (summary) => {
        summary.metadata.name = '\u001b[31mred\u001b[2J';
        summary.claim = `${'word '.repeat(60)}\u0007`;
        summary.notes = ['a long remark '.repeat(20)];
      },
    }).summary!;
    for (const summary of [passed(), hostile, sampleModelWithoutMessages().summary!]) {
      const text = renderText(summary, { outputs: [{ label: 'HTML report', value: 'r.html' }] });
      expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(100);
      expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    }
  });

  it.each([40, 80, 100, 140])('fits %i columns, and keeps the p99 of delivery', (columns) => {
    const failing = sampleModel({
      summary: (summary) => {
        summary.notes = ['a long remark '.repeat(20)];
        summary.faults = [
          { kind: 'network-partition', atSeconds: 12, recoverySeconds: 3.2, lost: 0, detail: 'half of it '.repeat(9) },
        ];
      },
    }).summary!;
    for (const summary of [failing, sampleModelWithoutMessages().summary!]) {
      const text = renderText(summary, { columns, outputs: [{ label: 'HTML report', value: 'r.html' }] });
      expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    }
    const lines = renderText(failing, { columns }).split('\n');
    const header = lines[lines.findIndex((line) => line.includes('steady phase, milliseconds')) + 1]!;
    expect(header).toMatch(columns < 95 ? /^ +med .*p99 .*max/ : /^ +avg +med +p90 +p95 +p99 +p99\.9 +max +count/);
    const at = header.indexOf('p99') + 3;
    const row = lines.findIndex((line) => line.startsWith('  delivery')) + (columns < 60 ? 1 : 0);
    const delivery = failing.results.metrics.find(({ name }) => name === 'delivery_latency') as {
      values: Record<string, number>;
    };
    expect(lines[row]!.slice(0, at)).toMatch(new RegExp(`${delivery.values['p(99)']!.toFixed(2)}$`));
  });

  it('tells a reason once: in the claim, or below it', () => {
    const { summary } = sampleModel({
      summary: (summary) => {
        summary.verdict = 'inconclusive';
        summary.validity = { valid: false, reasons: ['agent-0 was busy; use more agents', 'sends started late'] };
        summary.claim = 'This run does not tell whether the server holds it: agent-0 was busy; use more agents.';
      },
    });
    const text = renderText(summary!);
    expect(text.match(/agent-0 was busy/g)).toHaveLength(1);
    expect(text.match(/sends started late/g)).toHaveLength(1);
    expect(text).not.toMatch(/the load generator was not the limit/);
  });

  it('differs by escape sequences only when coloured', () => {
    const coloured = renderText(passed(), { colour: true });
    expect(coloured).toContain('\u001b[32;1mPASS\u001b[0m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it takes colours out
    expect(coloured.replace(/\u001b\[[\d;]*m/g, '')).toBe(renderText(passed()));
  });

  it('says of an interrupted run what was recorded', () => {
    const model = sampleModelInterrupted();
    model.counters.deliveries_expected = [{ atMs: 0, value: 1_624 }];
    const text = renderTextUnfinished(model);
    expect(text).toMatch(/deliveries expected +1,624/);
    expect(text).toMatch(/INTERRUPTED/);
    expect(text).toMatch(/messages sent +887/);
    expect(lineWith(text, 'INTERRUPTED')).toContain(sampleModelInterrupted().runId);
    expect(lineWith(renderTextUnfinished({ ...model, name: 'nightly' }), 'INTERRUPTED')).toMatch(
      /INTERRUPTED {2}nightly$/,
    );
    const column = (label: string) => lineWith(text, new RegExp(`^ {2}${label} `)).search(/(?<=\S {2,})\S/);
    expect(column('command')).toBe(column('run'));
  });
});
