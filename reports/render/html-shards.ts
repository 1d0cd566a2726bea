/** The section that sets the shard processes side by side: a bar for each, as long as its share of the busiest. */
import type { ReportModel } from '../report-model.ts';
import { escapeHtml, htmlSection } from './html-text.ts';
import { balanceSentences, type ShardMeasure, shardBalance } from './shard-view.ts';

/** Empty where fewer than two shards reported. */
export function shardSection(model: ReportModel): string {
  const balance = shardBalance(model);
  if (balance === null) return '';
  const { shards, measures } = balance;
  const lead = [...balanceSentences(balance), steadyNote(model)].join(' ');
  const blocks = measures.map((measure) => measureBlock(measure, shards));
  return htmlSection('shards', 'Balance of the shards', `<div class="shards">${blocks.join('\n')}</div>`, lead);
}

function steadyNote({ summary }: ReportModel): string {
  return summary?.phases.some(({ phase }) => phase === 'steady') ? 'All figures are of the steady phase.' : '';
}

function measureBlock({ label, note, values, format }: ShardMeasure, shards: string[]): string {
  const top = Math.max(...values.map((value) => value ?? 0));
  const rows = values.map((value, index) => {
    const width = value === null || top <= 0 ? 0 : (100 * value) / top;
    const bar = width > 0 ? `<span class="fill" style="width:${width.toFixed(1)}%"></span>` : '';
    const text = value === null ? 'not reported' : format(value);
    return `<tr><th scope="row">${escapeHtml(shards[index]!)}</th><td class="bar"><span class="share-track">${bar}</span></td><td class="number">${escapeHtml(text)}</td></tr>`;
  });
  return `<div class="chart"><h3>${label} <span class="unit">${note}</span></h3>
<table class="shard-bars" aria-label="${label} of each shard"><tbody>${rows.join('')}</tbody></table></div>`;
}
