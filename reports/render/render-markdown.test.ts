import { describe, expect, it } from 'vitest';
import { renderMarkdown, renderMarkdownUnfinished } from './render-markdown.ts';
import { sampleModel, sampleModelInterrupted } from './sample-model.ts';

describe('the Markdown summary', () => {
  it('has the verdict as its heading and the claim below', () => {
    const [heading, , claim] = renderMarkdown(sampleModel().summary!).split('\n');
    expect(heading).toBe('## ✅ PASS: fifty-thousand');
    expect(claim).toMatch(/^\*\*One node held 50,000 connections/);
  });

  it('has thresholds, ledger and latencies as tables of even width', () => {
    const text = renderMarkdown(sampleModel().summary!);
    expect(text).toContain('| ✓ | `delivery_latency` | `p(99)<100` | 16.4 ms |');
    expect(text).toContain('| 2,662 | 2,662 | 2,662 | 0 | 0 | 0 | 0 |');
    for (const table of text.split('\n\n').filter((block) => block.startsWith('|'))) {
      const widths = table.split('\n').map((line) => line.split(/(?<!\\)\|/).length);
      expect(new Set(widths).size, table).toBe(1);
    }
  });

  it('has the figures before the folded parts, and all of those closed', () => {
    const text = renderMarkdown(sampleModel().summary!);
    const titles = [...text.matchAll(/^(?:#+|<summary>)(.*?)(?:<\/summary>)?$/gm)].map(([, title]) => title!.trim());
    expect(titles).toEqual([
      '✅ PASS: fifty-thousand',
      'Thresholds',
      'Latency in the steady phase',
      'Every message accounted for',
      'Load and cost',
      'Notes',
      'Service times',
      'How it was measured',
    ]);
    expect(text.match(/<details>/g)).toHaveLength(text.match(/<\/details>/g)!.length);
  });

  it('is no longer than a comment may be, whatever the run holds', () => {
    const { summary } = sampleModel({
      summary: (each) => {
        const long = '<&`|@x '.repeat(3_000);
        each.claim = long;
        each.failures = Array.from({ length: 200 }, (_, i) => `${i} ${long}`);
        each.results.thresholds = Array.from({ length: 400 }, (_, i) => ({
          ...{ metric: `sent_latency{scenario:${i}}`, threshold: 'p(99)<100', value: 1, ok: true },
        }));
        each.metadata.tags = { long };
        each.config.derivation = Array.from({ length: 400 }, () => long);
      },
    });
    const text = renderMarkdown(summary!);
    expect(text.length).toBeLessThan(65_536);
    expect(text).toContain('More would be too long for a comment');
    summary!.failures = [];
    summary!.config.derivation = [];
    expect(renderMarkdown(summary!)).toContain('\n\n… and 350 more\n\n### Latency');
  });

  it('says what failed', () => {
    const { summary } = sampleModel({
      summary: (each) => {
        each.verdict = 'fail';
        each.failures = ['p(99) of delivery_latency was 140 ms, over its limit of 100 ms.'];
      },
    });
    expect(renderMarkdown(summary!)).toMatch(/^## ❌ FAIL[\s\S]*\n- p\(99\) of delivery\\_latency was 140 ms/);
  });

  it('takes markup, table bars and mentions literally', () => {
    const { summary } = sampleModel({
      summary: (each) => {
        each.metadata.name = '<img src=x> | @everyone **x**';
        each.metadata.tags = { 'a`b': 'c|d' };
      },
    });
    const text = renderMarkdown(summary!);
    expect(text).toContain('&lt;img src=x\\> \\| @\u200beveryone \\*\\*x\\*\\*');
    expect(text).toContain('`` a`b=c\\|d ``');
  });

  it('says of an interrupted run what was recorded', () => {
    const text = renderMarkdownUnfinished(sampleModelInterrupted());
    expect(text).toMatch(/INTERRUPTED/);
    expect(text).toContain('| `messages_sent` | 887 |');
  });
});
