/** Draws the charts in the reader's browser with uPlot, from the JSON that is inlined beside it. The page works without. */
import { CHART_FAULTS_SCRIPT } from './html-chart-faults.ts';
import { CHART_HEAT_SCRIPT } from './html-chart-heat.ts';
import { CHART_PLUGINS_SCRIPT } from './html-chart-plugins.ts';
import { CHART_READING_SCRIPT } from './html-chart-reading.ts';

/**
 * Per figure: `data-from` and `data-to` hold the visible range of a time chart, s. The root gets `data-charts="drawn"`.
 * Colours come from the style sheet, so a change of theme draws again. New data comes as the detail of a `chartdata` event on
 * the document: lines that were hidden, choices and a zoom stay as they were.
 */
export const CHART_SCRIPT = `
(() => {
  'use strict';
  let data;
  let times;
  let whole;
  let range;
  let figures = [];
  function take(next) {
    data = next;
    times = Array.from({ length: data.time.length }, (_, index) => index * data.time.step);
    // To the end of the last step, which is a column of the heat map.
    whole = [0, Math.max(1, times.length * data.time.step)];
  }
  take(JSON.parse(document.getElementById('report-data').textContent));
  range = whole;

${CHART_FAULTS_SCRIPT}
${CHART_HEAT_SCRIPT}
${CHART_PLUGINS_SCRIPT}
${CHART_READING_SCRIPT}

  const zoomBar = document.querySelector('.zoom');
  function zoomTo(from, to) {
    const wide = whole[1] - whole[0];
    const size = Math.min(Math.max(to - from, Math.min(wide, 2 * data.time.step)), wide);
    const start = Math.min(Math.max(from, whole[0]), whole[1] - size);
    range = [start, start + size];
    for (const each of figures) {
      if (each.chart.kind !== 'time') continue;
      each.figure.dataset.from = range[0];
      each.figure.dataset.to = range[1];
      const scale = each.plot && each.plot.scales.x;
      if (scale && (scale.min !== range[0] || scale.max !== range[1])) each.plot.setScale('x', { min: range[0], max: range[1] });
    }
    const zoomed = size < wide;
    zoomBar.hidden = !zoomed;
    zoomBar.querySelector('.range').textContent = clock(range[0]) + ' – ' + clock(range[1]);
  }
  zoomBar.querySelector('button').addEventListener('click', () => zoomTo(whole[0], whole[1]));

  class FigureChart {
    constructor(figure, chart) {
      this.figure = figure;
      this.chart = chart;
      this.variant = chart.variants[0];
      this.hidden = new Set();
      this.holder = figure.querySelector('.plot');
      this.legend = figure.querySelector('.legend');
      this.select = figure.querySelector('select');
      this.check = figure.querySelector('input[type=checkbox]');
      if (this.select) {
        this.select.value = '0';
        this.select.addEventListener('change', () => this.choose(Number(this.select.value)));
      }
      if (this.check) {
        this.check.checked = Boolean(this.variant.logarithmic);
        this.check.addEventListener('change', () => {
          this.scaleChosen = true;
          this.draw();
        });
      }
      this.holder.addEventListener('keydown', (event) => this.key(event));
      this.holder.addEventListener('blur', () => this.plot && this.plot.setCursor({ left: -10, top: -10 }));
      new ResizeObserver(() => this.resize()).observe(this.holder);
      this.draw();
    }

    choose(index) {
      this.variant = this.chart.variants[index];
      if (this.check) this.check.checked = Boolean(this.variant.logarithmic);
      this.scaleChosen = false;
      this.figure.querySelector('h3 .unit').textContent = this.variant.unit;
      this.draw();
    }

    /** Lines that are the same ones get longer where they stand; anything else is drawn again. The chart may be the old object, changed. */
    update(chart) {
      const names = chart.variants.map(({ label }) => label);
      if (this.select && names.join() !== [...this.select.options].map(({ text }) => text).join()) {
        this.select.replaceChildren(...names.map((label, index) => new Option(label, index)));
      }
      const index = Math.max(0, names.indexOf(this.label));
      this.chart = chart;
      this.variant = chart.variants[index];
      if (this.select) this.select.value = String(index);
      const scale = Boolean(this.variant.logarithmic);
      const rescaled = this.check && !this.scaleChosen && this.check.checked !== scale;
      if (rescaled) this.check.checked = scale;
      this.figure.querySelector('h3 .unit').textContent = this.variant.unit;
      this.figure.querySelector('figcaption').textContent = chart.about;
      if (!this.plot || this.variant.heat || rescaled || this.shape !== this.shapeNow()) return this.draw();
      this.holder.setAttribute('aria-label', this.variant.words);
      this.plot.setData(this.columns(), false);
      const x = this.plot.data[0];
      this.plot.setScale('x', this.chart.kind === 'time' ? { min: range[0], max: range[1] } : { min: x[0], max: x[x.length - 1] });
    }

    shapeNow() {
      return JSON.stringify([this.variant.empty, this.variant.series.map(({ label, colour, dashed, width }) => [label, colour, dashed, width])]);
    }

    columns() {
      return [this.chart.kind === 'time' ? times : data.distribution, ...drawOrder(this.variant).map(({ values }) => values)];
    }

    size() {
      const width = Math.max(200, Math.floor(this.holder.clientWidth));
      const tall = this.chart.id !== 'throughput' && this.figure.classList.contains('wide');
      return { width, height: width < 480 ? 250 : tall ? 360 : 260 };
    }

    resize() {
      const { width, height } = this.size();
      if (this.plot && (this.plot.width !== width || this.plot.height !== height)) this.plot.setSize({ width, height });
    }

    draw() {
      if (this.plot) this.plot.destroy();
      this.plot = null;
      this.label = this.variant.label;
      this.shape = this.shapeNow();
      this.holder.textContent = '';
      this.legend.textContent = '';
      this.holder.setAttribute('aria-label', this.variant.words);
      this.figure.classList.toggle('empty', Boolean(this.variant.empty));
      if (this.check) this.check.disabled = Boolean(this.variant.empty);
      if (this.variant.empty) {
        const reason = document.createElement('p');
        reason.textContent = this.variant.empty;
        this.holder.append(reason);
        return;
      }
      const logarithmic = Boolean(this.variant.heat || (this.check && this.check.checked));
      const options = chartOptions(this, logarithmic, this.size());
      this.plot = new uPlot(options, this.columns(), this.holder);
      if (this.chart.kind === 'time') {
        this.plot.setScale('x', { min: range[0], max: range[1] });
        this.figure.dataset.from = range[0];
        this.figure.dataset.to = range[1];
      }
      this.drawLegend();
    }

    drawLegend() {
      this.variant.series.forEach((series, index) => {
        const key = document.createElement('button');
        key.type = 'button';
        key.className = 'key' + (series.dashed ? ' dashed' : '');
        key.style.setProperty('--line', 'var(--' + series.colour + ')');
        key.append(series.label);
        const apply = () => {
          const shown = !this.hidden.has(series.label);
          key.setAttribute('aria-pressed', String(shown));
          this.plot.setSeries(this.variant.series.length - index, { show: shown });
        };
        key.addEventListener('click', () => {
          if (!this.hidden.delete(series.label)) this.hidden.add(series.label);
          apply();
        });
        apply();
        this.legend.append(key);
      });
      if (this.variant.heat) this.legend.append(heatLegend(this.variant.heat));
    }

    key(event) {
      const plot = this.plot;
      if (!plot || event.target !== this.holder || event.ctrlKey || event.metaKey || event.altKey) return;
      const { min, max } = plot.scales.x;
      const x = plot.data[0];
      const first = x.findIndex((value) => value >= min);
      const last = x.findLastIndex((value) => value <= max);
      const at = plot.cursor.idx;
      const step = event.shiftKey ? 10 : 1;
      const moves = { ArrowRight: at == null ? first : at + step, ArrowLeft: at == null ? last : at - step, Home: first, End: last };
      const rows = this.variant.heat ? { ArrowUp: step, ArrowDown: -step } : {};
      if (event.key in rows && at != null) {
        this.moveRow(rows[event.key], at);
      } else if (event.key in moves) {
        const index = Math.min(Math.max(moves[event.key], first), last);
        const top = this.latency === undefined ? plot.over.clientHeight / 2 : plot.valToPos(this.latency, 'y');
        plot.setCursor({ left: plot.valToPos(x[index], 'x'), top });
        document.getElementById('reading').textContent = readingText(this, index);
      } else if (this.chart.kind === 'time' && ['+', '=', '-', 'Escape', '0'].includes(event.key)) {
        const centre = at == null ? (min + max) / 2 : x[at];
        const half = ((max - min) / 2) * (event.key === '-' ? 2 : 0.5);
        if (event.key === 'Escape' || event.key === '0') zoomTo(whole[0], whole[1]);
        else zoomTo(centre - half, centre + half);
      } else {
        return;
      }
      event.preventDefault();
    }

    /** Reads a heat map up and down; from the fullest row on. */
    moveRow(step, at) {
      const { plot } = this;
      const { heat } = this.variant;
      const { row, counts } = heatColumn(heat, plot.data[0][at]);
      const start = row + Math.max(0, counts.indexOf(Math.max(...counts)));
      const next = this.latency === undefined ? start : heatRow(heat, this.latency) + step;
      const { low, high } = heatExtent(heat);
      this.latency = heatEdge(heat, Math.min(Math.max(next, low), high - 1) + 0.5);
      plot.setCursor({ left: plot.valToPos(plot.data[0][at], 'x'), top: plot.valToPos(this.latency, 'y') });
      document.getElementById('reading').textContent = readingText(this, at);
    }
  }

  /** Frames that are new in the page get a chart, those that are gone lose theirs. */
  function drawFigures() {
    figures = [...document.querySelectorAll('figure[data-chart]')].map((figure) => {
      const chart = data.charts.find((each) => each.id === figure.dataset.chart);
      const known = figures.find((each) => each.figure === figure);
      if (known) known.update(chart);
      return known || new FigureChart(figure, chart);
    });
  }
  drawFigures();
  document.addEventListener('chartdata', (event) => {
    const zoomed = range[1] - range[0] < whole[1] - whole[0];
    take(event.detail);
    if (!zoomed) range = whole;
    drawFigures();
    zoomTo(range[0], range[1]);
  });
  document.addEventListener('themechange', () => figures.forEach((each) => each.draw()));
  document.documentElement.dataset.charts = 'drawn';
})();
`;
