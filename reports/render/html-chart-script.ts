/** Draws the charts in the reader's browser with uPlot, from the JSON that is inlined beside it. The page works without. */
import { CHART_FAULTS_SCRIPT } from './html-chart-faults.ts';
import { CHART_PLUGINS_SCRIPT } from './html-chart-plugins.ts';

/**
 * Per figure: `data-from` and `data-to` hold the visible range of a time chart, s. The root gets `data-charts="drawn"`.
 * Colours come from the style sheet, so a change of theme draws again.
 */
export const CHART_SCRIPT = `
(() => {
  'use strict';
  const data = JSON.parse(document.getElementById('report-data').textContent);
  const times = Array.from({ length: data.time.length }, (_, index) => index * data.time.step);
  const whole = [0, Math.max(1, times.length === 0 ? 1 : times[times.length - 1])];
  const figures = [];
  let range = whole;

${CHART_FAULTS_SCRIPT}
${CHART_PLUGINS_SCRIPT}

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
        this.check.addEventListener('change', () => this.draw());
      }
      this.holder.addEventListener('keydown', (event) => this.key(event));
      this.holder.addEventListener('blur', () => this.plot && this.plot.setCursor({ left: -10, top: -10 }));
      new ResizeObserver(() => this.resize()).observe(this.holder);
      this.draw();
    }

    choose(index) {
      this.variant = this.chart.variants[index];
      if (this.check) this.check.checked = Boolean(this.variant.logarithmic);
      this.figure.querySelector('h3 .unit').textContent = this.variant.unit;
      this.draw();
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
      const x = this.chart.kind === 'time' ? times : data.distribution;
      const columns = drawOrder(this.variant).map((series) => series.values);
      const logarithmic = Boolean(this.check && this.check.checked);
      const options = chartOptions(this, logarithmic, this.size());
      this.plot = new uPlot(options, [x, ...columns], this.holder);
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
      if (event.key in moves) {
        const index = Math.min(Math.max(moves[event.key], first), last);
        plot.setCursor({ left: plot.valToPos(x[index], 'x'), top: plot.over.clientHeight / 2 });
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
  }

  for (const figure of document.querySelectorAll('figure[data-chart]')) {
    const chart = data.charts.find((each) => each.id === figure.dataset.chart);
    figures.push(new FigureChart(figure, chart));
  }
  document.addEventListener('themechange', () => figures.forEach((each) => each.draw()));
  document.documentElement.dataset.charts = 'drawn';
})();
`;
