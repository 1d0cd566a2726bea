/** Draws the faults of a run into the time charts: a line where each began, a tinted band until delivery was normal again. */

/** Part of the chart script: uses its `data` and `colour`, and defines `markFaults`, `lineFaults` and `nameFaults`. */
export const CHART_FAULTS_SCRIPT = `
  const FAULT_ROWS = 4;

  /** Those in sight, with where they begin and end in pixels. */
  function faultsOf(plot) {
    const { left, width } = plot.bbox;
    return data.faults
      .map((fault) => ({ ...fault, from: Math.round(plot.valToPos(fault.from, 'x', true)), to: plot.valToPos(fault.to, 'x', true) }))
      .filter(({ from, to }) => to >= left && from <= left + width);
  }

  function markFaults(plot) {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.fillStyle = colour('limit');
    ctx.globalAlpha = 0.1;
    for (const { from, to } of faultsOf(plot)) ctx.fillRect(from, top, Math.max(to - from, 0), height);
    ctx.restore();
    lineFaults(plot);
  }

  function lineFaults(plot) {
    const { ctx } = plot;
    const { left, top, height } = plot.bbox;
    ctx.save();
    ctx.fillStyle = colour('limit');
    ctx.globalAlpha = 0.8;
    for (const { from } of faultsOf(plot)) if (from >= left) ctx.fillRect(from, top, uPlot.pxRatio, height);
    ctx.restore();
  }

  /** "limit": room that its label takes, at the right edge. A name that finds no room is left to the table of faults. */
  function nameFaults(plot, limit) {
    const { ctx } = plot;
    const { left, top, width } = plot.bbox;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.font = 11 * ratio + 'px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
    ctx.textAlign = 'left';
    ctx.textBaseline = 'top';
    const rows = Array.from({ length: FAULT_ROWS }, () => []);
    for (const { name, from } of faultsOf(plot)) {
      if (from < left) continue;
      const wide = ctx.measureText(name).width + 6 * ratio;
      const start = from + 2 * ratio + wide <= left + width ? from + 2 * ratio : from - ratio - wide;
      const topOf = (row) => top + (2 + row * 15) * ratio;
      const onLimit = (y) => limit !== null && start + wide > limit.start && y < limit.bottom && y + 14 * ratio > limit.top;
      const row = rows.findIndex(
        (taken, index) => !onLimit(topOf(index)) && taken.every(([begin, end]) => start >= end || start + wide <= begin),
      );
      if (row < 0 || start < left) continue;
      rows[row].push([start, start + wide]);
      const y = topOf(row);
      ctx.fillStyle = colour('surface');
      ctx.fillRect(start, y, wide, 14 * ratio);
      ctx.fillStyle = colour('limit');
      ctx.fillText(name, start + 3 * ratio, y + 2 * ratio);
    }
    ctx.restore();
  }
`;
