/** Draws the faults of a run into the time charts: a line where each began, a tinted band until delivery was normal again. */

/** Part of the chart script: uses its `data` and `colour`, and defines `markFaults`. */
export const CHART_FAULTS_SCRIPT = `
  function markFaults(plot) {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.fillStyle = colour('limit');
    ctx.font = 11 * ratio + 'px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
    ctx.textAlign = 'left';
    ctx.textBaseline = 'top';
    // Names that would touch stand below each other.
    const ends = [];
    for (const fault of data.faults) {
      const from = Math.round(plot.valToPos(fault.from, 'x', true));
      const to = plot.valToPos(fault.to, 'x', true);
      if (to < left || from > left + width) continue;
      ctx.globalAlpha = 0.1;
      ctx.fillRect(from, top, Math.max(to - from, 0), height);
      ctx.globalAlpha = 0.8;
      ctx.fillRect(from, top, ratio, height);
      let row = ends.findIndex((end) => end < from);
      if (row < 0) row = ends.length;
      ends[row] = from + ctx.measureText(fault.name).width + 10 * ratio;
      ctx.globalAlpha = 1;
      ctx.fillText(fault.name, from + 4 * ratio, top + (3 + row * 13) * ratio);
    }
    ctx.restore();
  }
`;
