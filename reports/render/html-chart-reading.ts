/** What a chart says at the cursor: in a small card beside it, and in words for who reads by ear. */

/** Part of the chart script: uses its `number`, `xText` and what reads heat maps, and defines `addReading` and `readingText`. */
export const CHART_READING_SCRIPT = `
  function readings(owner, index) {
    const { variant, plot, hidden } = owner;
    const lines = variant.series
      .filter((series) => !hidden.has(series.label) && series.values[index] != null)
      .map((series) => ({ ...series, text: (number(series.values[index]) + ' ' + variant.unit).trim() }));
    if (!variant.heat) return lines;
    const pointed = plot.over.matches(':hover') ? plot.posToVal(plot.cursor.top, 'y') : owner.latency;
    return [...heatLines(variant.heat, plot.data[0][index], pointed), ...lines];
  }

  function readingTime(owner, index) {
    const x = owner.plot.data[0][index];
    return owner.variant.heat ? heatColumn(owner.variant.heat, x).time : xText(owner.chart, x);
  }

  function readingText(owner, index) {
    return [readingTime(owner, index), ...readings(owner, index).map(({ label, text }) => label + ' ' + text)].join(', ');
  }

  /** A small card beside the cursor, on the chart that is pointed at or has the focus. */
  function addReading(owner, plot) {
    const card = document.createElement('div');
    card.className = 'reading';
    card.hidden = true;
    plot.over.append(card);
    plot.hooks.setCursor = [
      () => {
        const index = plot.cursor.idx;
        const active = plot.over.matches(':hover') || document.activeElement === owner.holder;
        const lines = index == null || plot.cursor.left < 0 || !active ? [] : readings(owner, index);
        card.hidden = lines.length === 0;
        if (card.hidden) return;
        const heading = document.createElement('strong');
        heading.textContent = readingTime(owner, index);
        card.replaceChildren(heading, ...lines.map((line) => {
          const row = document.createElement('span');
          row.style.setProperty('--line', line.colour ? 'var(--' + line.colour + ')' : 'transparent');
          const value = document.createElement('b');
          value.textContent = line.text;
          row.append(line.label, value);
          return row;
        }));
        const x = plot.valToPos(plot.data[0][index], 'x');
        const room = plot.over.clientWidth;
        const left = x + 14 + card.offsetWidth <= room ? x + 14 : Math.max(0, x - 14 - card.offsetWidth);
        card.style.transform = 'translate(' + Math.round(Math.min(left, Math.max(0, room - card.offsetWidth))) + 'px, 6px)';
      },
    ];
  }
`;
