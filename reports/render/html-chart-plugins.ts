/** Options of a uPlot chart and what is drawn into it besides lines: axes, shaded phases, the limit. */

/** Part of the chart script: uses its `data`, `whole`, `zoomTo`, `addReading`, and defines `chartOptions`, `clock`. */
export const CHART_PLUGINS_SCRIPT = `
  const number = (value) => value.toLocaleString('en-US', { maximumSignificantDigits: Math.abs(value) >= 1000 ? 6 : 3 });
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

  function clock(seconds) {
    const all = Math.round(seconds);
    const two = (value) => String(value).padStart(2, '0');
    const minutes = Math.floor(all / 60);
    return minutes < 60 ? minutes + ':' + two(all % 60) : Math.floor(minutes / 60) + ':' + two(minutes % 60) + ':' + two(all % 60);
  }

  function share(x, moreDecimals = 0) {
    const decimals = Math.max(0, Math.ceil(Math.log10(x) - 2 - 1e-9)) + moreDecimals;
    return (100 * (1 - 1 / x)).toFixed(Math.min(decimals, 8)) + '%';
  }

  /** First in the legend is drawn last, on top. */
  const drawOrder = (variant) => [...variant.series].reverse();

  const xText = (chart, x) => (chart.kind === 'time' ? clock(x) : share(x, 1));

  function chartOptions(owner, logarithmic, size) {
    const { chart, variant } = owner;
    const small = size.width < 480;
    const axis = { stroke: () => colour('muted'), font: FONT, ticks: { show: false } };
    const grid = { stroke: () => colour('grid'), width: 1 };
    const time = chart.kind === 'time';
    return {
      ...size,
      legend: { show: false },
      padding: [time ? 22 : 14, small ? 12 : 18, 0, 0],
      scales: {
        x: time
          ? { time: false, range: (plot, min, max) => [min ?? whole[0], max ?? whole[1]] }
          : { time: false, distr: 3, range: (plot, min, max) => [min, max] },
        y: { distr: logarithmic ? 3 : 1, range: (plot, min, max) => yRange(owner.variant, logarithmic, min, max) },
      },
      axes: [
        {
          ...axis,
          grid: { show: !time, ...grid },
          gap: 6,
          size: 26,
          ...(time
            ? { space: 64, incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600], values: (plot, values) => values.map((value) => (Number.isInteger(value) ? clock(value) : '')) }
            : { splits: nines, filter: (plot, values) => values, values: (plot, values) => values.map((value) => share(value)) }),
        },
        { ...axis, grid, gap: 8, size: small ? 48 : 58, space: logarithmic ? 24 : 44, values: (plot, values) => values.map((value) => (value == null ? '' : number(value))) },
      ],
      series: [{}, ...drawOrder(variant).map((series) => seriesOptions(series, variant, time))],
      cursor: {
        y: false,
        points: { size: 7, width: 2, stroke: () => colour('surface'), fill: (plot, index) => colour(drawOrder(variant)[index - 1].colour) },
        drag: { x: true, y: false, dist: 6 },
        ...(time ? { sync: { key: 'time', setSeries: false, filters: { sub: (type) => type === 'mousemove' || type === 'mouseleave' } } } : {}),
      },
      hooks: {
        drawClear: time ? [shadePhases, markFaults] : [],
        // Above the grid, below the lines: no name hides what was measured.
        drawAxes: [
          (plot) => (owner.variant.bands || []).forEach((band) => shadeBand(plot, band)),
          (plot) => {
            if (variant.heat) {
              drawHeat(plot, variant.heat);
              lineFaults(plot);
            }
            const { limit } = owner.variant;
            const taken = limit ? drawLimit(plot, limit) : null;
            if (time) nameFaults(plot, taken);
          },
        ],
        setScale: time ? [(plot, key) => followZoom(owner, plot, key)] : [],
        ready: [(plot) => addReading(owner, plot)],
      },
    };
  }

  function seriesOptions(series, variant, time) {
    return {
      // A value stands for all of its second, as a column of the heat map does: a line that slopes to it would begin too early.
      ...(time && !variant.bands ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
      label: series.label,
      stroke: () => colour(series.colour),
      width: series.width || 1.5,
      dash: series.dashed ? [6, 5] : undefined,
      // A point without neighbours would be a line of no length.
      points: { show: true, size: 5, fill: () => colour(series.colour), filter: isolated },
    };
  }

  function isolated(plot, index, show) {
    const values = plot.data[index];
    const found = [];
    for (let i = plot.series[0].idxs[0]; i <= plot.series[0].idxs[1]; i++) {
      if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
    }
    return found;
  }

  function nines(plot, axis, min, max) {
    const all = plot.width < 480 ? [1] : [1, 2];
    for (let value = 10; value <= 1e9; value *= 10) all.push(value);
    return all.filter((value) => value >= min * 0.999 && value <= max * 1.001);
  }

  function yRange(variant, logarithmic, min, max) {
    if (min == null || max == null) return logarithmic ? [0.1, 10] : [0, 1];
    const limit = variant.limit ? variant.limit.value : 0;
    // Room above the lines for the names of faults.
    const room = data.faults.length === 0 ? 1.12 : logarithmic ? 2 : 1.2;
    const top = limit > max && limit <= max * 3 ? limit * 1.08 : max * room;
    if (!logarithmic) return [0, top > 0 ? top : 1];
    const low = roundDown(Math.max(min, 0.001));
    return [low, Math.max(limit > max && limit <= max * 30 ? limit * 1.4 : top, low * 10)];
  }

  /** To 1, 2 or 5 times a power of ten. */
  function roundDown(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return power * [5, 2, 1].find((factor) => factor * power <= value * 1.0001);
  }

  /** Names of the phases stand above the plot; all but the steady one are shaded, since thresholds don't look at them. */
  function shadePhases(plot) {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.font = 11 * ratio + 'px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
    ctx.textAlign = 'left';
    ctx.textBaseline = 'bottom';
    for (const phase of data.phases) {
      const from = Math.min(Math.max(plot.valToPos(phase.from, 'x', true), left), left + width);
      const to = Math.min(Math.max(plot.valToPos(phase.to, 'x', true), left), left + width);
      if (to - from < 1) continue;
      if (phase.name !== 'steady') {
        ctx.fillStyle = colour('shade');
        ctx.fillRect(from, top, to - from, height);
      }
      ctx.fillStyle = colour('grid');
      if (from > left + 1) ctx.fillRect(Math.round(from), top - 18 * ratio, ratio, height + 18 * ratio);
      const text = ctx.measureText(phase.name).width;
      if (text + 10 * ratio > to - from) continue;
      ctx.fillStyle = colour('muted');
      ctx.fillText(phase.name, from + 5 * ratio, top - 4 * ratio);
    }
    ctx.restore();
  }

  /** Along the upper edge and back along the lower one; both columns end where the same points are missing. */
  function shadeBand(plot, band) {
    const { ctx } = plot;
    const x = plot.data[0];
    const known = [...x.keys()].filter((index) => band.low[index] != null && band.high[index] != null);
    const point = (column, index) => [plot.valToPos(x[index], 'x', true), plot.valToPos(Math.max(column[index], plot.scales.y.min), 'y', true)];
    const { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.beginPath();
    for (const index of known) ctx.lineTo(...point(band.high, index));
    for (const index of known.reverse()) ctx.lineTo(...point(band.low, index));
    ctx.closePath();
    ctx.globalAlpha = 0.2;
    ctx.fillStyle = colour(band.colour);
    ctx.fill();
    ctx.restore();
  }

  /** Where its label stands, px; null: the limit is out of sight. */
  function drawLimit(plot, limit) {
    const { min, max } = plot.scales.y;
    if (limit.value < min || limit.value > max) return null;
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const ratio = uPlot.pxRatio;
    const y = Math.round(plot.valToPos(limit.value, 'y', true));
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour(limit.neutral ? 'muted' : 'limit');
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.font = 11 * ratio + 'px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
    ctx.textAlign = 'right';
    const below = y + 22 * ratio < top + height;
    ctx.textBaseline = below ? 'top' : 'bottom';
    ctx.fillText(limit.label, left + width - 6 * ratio, y + (below ? 4 : -4) * ratio);
    const start = left + width - 6 * ratio - ctx.measureText(limit.label).width;
    ctx.restore();
    return { start, top: below ? y : y - 18 * ratio, bottom: below ? y + 18 * ratio : y };
  }

  function followZoom(owner, plot, key) {
    if (key !== 'x' || owner.plot !== plot) return;
    const { min, max } = plot.scales.x;
    const everything = min <= times[0] && max >= times[times.length - 1];
    if (everything && (range[0] > whole[0] || range[1] < whole[1])) zoomTo(whole[0], whole[1]);
    else if (!everything && (min !== range[0] || max !== range[1])) zoomTo(min, max);
  }
`;
