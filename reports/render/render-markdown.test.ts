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
