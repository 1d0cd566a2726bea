/** Style of the charts' frames; the lines take their colours from the palette by script. */

export const CHART_STYLE = `
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 20px; margin-top: 22px; }
.chart { min-width: 0; padding: 18px 20px 16px; background: var(--surface); border: 1px solid var(--line); border-radius: 12px; }
.chart.wide, .chart.alone { grid-column: 1 / -1; }
.chart-head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 8px 16px; min-height: 34px; }
.chart h3 .unit { font-weight: 400; color: var(--muted); margin-left: 5px; }
.chart-tools { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; font-size: 14px; }
select { font: inherit; color: var(--ink); background: var(--surface); border: 1px solid var(--line-strong); border-radius: 8px; padding: 4px 8px; max-width: 100%; }
.check { display: inline-flex; align-items: center; gap: 7px; color: var(--muted); cursor: pointer; }
.check input { accent-color: var(--accent); margin: 0; width: 15px; height: 15px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 6px 0 10px; min-height: 26px; }
.key { font: inherit; font-size: 13px; color: var(--ink); background: none; border: 0; padding: 2px 0; display: inline-flex; align-items: center; gap: 8px; cursor: pointer; text-align: left; }
.key::before { content: ""; flex: none; width: 16px; border-top: 3px solid var(--line); border-radius: 2px; }
.key.dashed::before { border-top-style: dashed; border-top-width: 2px; }
.key:hover { color: var(--accent); }
.key[aria-pressed="false"] { color: var(--muted); text-decoration: line-through; }
.key[aria-pressed="false"]::before { opacity: 0.35; }
.heat-scale { display: inline-flex; align-items: center; gap: 8px; margin-left: auto; font-size: 13px; color: var(--muted); }
.heat-scale i { width: 140px; height: 10px; border-radius: 3px; }
.plot { min-height: 250px; cursor: crosshair; }
.chart figcaption { color: var(--muted); font-size: 13px; line-height: 1.45; margin-top: 10px; max-width: 84ch; }
.empty .plot { margin-top: 12px; display: grid; place-items: center; padding: 24px; cursor: auto; text-align: center; color: var(--muted); background: var(--shade); border-radius: 8px; }
.empty .plot p { max-width: 46ch; }
.empty .legend { display: none; }
.plot .uplot { font-family: inherit; }
.plot .u-select { background: var(--accent); opacity: 0.16; }
.plot .u-hz .u-cursor-x { border-right: 1px solid var(--muted); }
.reading { position: absolute; left: 0; top: 0; z-index: 4; pointer-events: none; padding: 8px 12px 9px; background: var(--surface); border: 1px solid var(--line-strong); border-radius: 8px; font-size: 13px; line-height: 1.5; white-space: nowrap; box-shadow: 0 4px 14px rgb(0 0 0 / 0.12); }
.reading strong { display: block; font-weight: 560; color: var(--muted); }
.reading span { display: flex; align-items: center; gap: 8px; }
.reading span::before { content: ""; width: 10px; border-top: 3px solid var(--line); border-radius: 2px; }
.reading b { margin-left: auto; padding-left: 16px; font-weight: 600; }
.reading[hidden], .zoom[hidden] { display: none; }
.zoom { position: sticky; bottom: 18px; z-index: 6; width: max-content; margin: 18px auto -68px; padding: 7px 8px 7px 18px; font-size: 14px; background: var(--surface); border: 1px solid var(--line-strong); border-radius: 99px; box-shadow: 0 4px 18px rgb(0 0 0 / 0.16); }
.zoom .quiet { margin-left: 12px; border-radius: 99px; }
@media (max-width: 900px) { .charts { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 620px) {
  .chart { padding: 14px 12px; margin-inline: -6px; }
  .charts { gap: 14px; }
  .legend { gap: 2px 14px; }
}
@media print {
  .charts { display: block; }
  .chart { margin: 0 0 14px; }
  .heat-scale { display: inline-flex; align-items: center; gap: 8px; margin-left: auto; font-size: 13px; color: var(--muted); }
.heat-scale i { width: 140px; height: 10px; border-radius: 3px; }
.plot { min-height: 0; }
  .plot .uplot, .plot .u-wrap { width: 100% !important; height: auto !important; }
  .plot canvas { width: 100% !important; height: auto !important; }
  .heat-scale i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .plot .u-over, .plot .u-under, .reading { display: none; }
}
`;
