/** Draws a heat map into a time chart, below its lines, and tells what is in the cell that is pointed at. */
import { HEAT_DARK, HEAT_LIGHT } from './heat-colours.ts';

/** Part of the chart script: uses its `number`, `clock` and `colour`, defines `drawHeat`, `heatRange`, `heatLines`, `heatText`, `heatLegend`. */
export const CHART_HEAT_SCRIPT = `
  const HEAT = { light: ${JSON.stringify(HEAT_LIGHT)}, dark: ${JSON.stringify(HEAT_DARK)} };
  const heatColours = () => HEAT[getComputedStyle(document.documentElement).colorScheme === 'dark' ? 'dark' : 'light'];
  /** Latency at the lower edge of a row, ms. */
  const heatEdge = (heat, row) => 2 ** (row / heat.rowsPerOctave) / 1000;
  const heatRow = (heat, ms) => Math.floor(Math.log2(ms * 1000) * heat.rowsPerOctave + 1e-9);

  /** Most samples in a cell, and the range of rows; reckoned once for each map. */
  function heatExtent(heat) {
    if (heat.extent) return heat.extent;
    let [most, low, high] = [1, Infinity, -Infinity];
    for (const [row, ...counts] of heat.columns) {
      if (counts.length === 0) continue;
      low = Math.min(low, row);
      high = Math.max(high, row + counts.length);
      for (const count of counts) most = Math.max(most, count);
    }
    return (heat.extent = { most, low, high });
  }

  function heatRange(heat) {
    const { low, high } = heatExtent(heat);
    const [bottom, top] = [heatEdge(heat, low), heatEdge(heat, high)];
    // Room above for the names of faults.
    return [top < bottom * 4 ? bottom / 2 : bottom, top * 2];
  }

  function drawHeat(plot, heat) {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const { min, max } = plot.scales.x;
    const { most } = heatExtent(heat);
    const colours = heatColours();
    const ys = new Map();
    const y = (row) => {
      if (!ys.has(row)) ys.set(row, Math.round(plot.valToPos(heatEdge(heat, row), 'y', true)));
      return ys.get(row);
    };
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    heat.columns.forEach(([row, ...counts], index) => {
      const from = heat.from + index * heat.step;
      if (counts.length === 0 || from > max || from + heat.step < min) return;
      const x = Math.round(plot.valToPos(from, 'x', true));
      const wide = Math.max(Math.round(plot.valToPos(from + heat.step, 'x', true)) - x, 1);
      counts.forEach((count, above) => {
        if (count === 0) return;
        ctx.fillStyle = colours[Math.round((Math.log1p(count) / Math.log1p(most)) * (colours.length - 1))];
        const upper = y(row + above + 1);
        ctx.fillRect(x, upper, wide, Math.max(y(row + above) - upper, 1));
      });
    });
    ctx.restore();
  }

  function heatColumn(heat, seconds) {
    const index = Math.floor((seconds - heat.from) / heat.step + 1e-9);
    const [row = 0, ...counts] = heat.columns[index] || [];
    const all = counts.reduce((sum, count) => sum + count, 0);
    const begin = heat.from + index * heat.step;
    return { row, counts, all, time: heat.step === 1 ? clock(begin) : clock(begin) + ' – ' + clock(begin + heat.step) };
  }

  const heatSpan = (heat, row) => number(heatEdge(heat, row)) + ' – ' + number(heatEdge(heat, row + 1)) + ' ms';

  /** Label and value of what is at a moment and, if given, in the row of a latency (ms). */
  function heatLines(heat, seconds, ms) {
    const { row, counts, all } = heatColumn(heat, seconds);
    if (all === 0) return [];
    const fullest = counts.indexOf(Math.max(...counts));
    const at = ms == null ? -1 : heatRow(heat, ms) - row;
    const here = ms == null ? [] : [{ label: heatSpan(heat, row + at), text: number(counts[at] || 0) + ' of ' + number(all) }];
    return [
      ...here,
      ...(ms == null ? [{ label: 'samples', text: number(all) }] : []),
      { label: 'most in', text: heatSpan(heat, row + fullest) },
      { label: 'range', text: number(heatEdge(heat, row)) + ' – ' + number(heatEdge(heat, row + counts.length)) + ' ms' },
    ];
  }

  /** The scale of colours, from one sample to as many as the fullest cell has. */
  function heatLegend(heat) {
    const legend = document.createElement('span');
    legend.className = 'heat-scale';
    const bar = document.createElement('i');
    bar.style.background = 'linear-gradient(90deg, ' + heatColours().join(', ') + ')';
    const most = number(heatExtent(heat).most);
    legend.append('1', bar, most + (heat.step === 1 ? ' samples in a cell' : ' samples in a cell of ' + heat.step + ' s'));
    return legend;
  }
`;
