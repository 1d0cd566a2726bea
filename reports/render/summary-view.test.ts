import { describe, expect, it } from 'vitest';
import { sampleModel } from './sample-model.ts';
import { furtherReasons, verdictMeaning } from './summary-view.ts';

describe('what a verdict means', () => {
  const meaning = (changes: Parameters<typeof sampleModel>[0] = {}) => verdictMeaning(sampleModel(changes).summary!);

  it('of a pass in which all was judged', () => {
    expect(meaning()).toBe('Every threshold held, and every acknowledged message is accounted for.');
  });

  it('of a pass that leaves thresholds open names them', () => {
    const open = meaning({
      summary: ({ results }) => {
        results.thresholds[0] = { metric: 'delivery_latency', threshold: 'p(99)<100', value: null, ok: true };
      },
    });
    expect(open).toMatch(
      /^Every threshold that could be judged held, .* Not judged, .*: delivery_latency p\(99\)<100\.$/,
    );
  });

  it('of a pass without messages or thresholds says what there was nothing of', () => {
    const empty = { sent: 0, acknowledged: 0, delivered: 0 };
    expect(meaning({ summary: ({ ledger }) => Object.assign(ledger, empty) })).toMatch(
      /there was no message to account for\.$/,
    );
    expect(
      meaning({
        summary: ({ results }) => {
          results.thresholds = [];
        },
      }),
    ).toMatch(/^No threshold was set, and/);
  });
});

it('reasons that the claim gives are not told again', () => {
  const { summary } = sampleModel({
    summary: (summary) => {
      summary.claim = 'The server did not hold 4 connections: 1 message(s) were delivered twice.';
      summary.failures = ['1 message(s) were delivered twice', 'sends started late'];
    },
  });
  expect(furtherReasons(summary!)).toEqual(['sends started late']);
});
