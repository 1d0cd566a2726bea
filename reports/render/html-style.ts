/** The page's style sheet. Text and lines keep WCAG AA contrast in both themes; numbers are tabular everywhere. */
import { CHART_STYLE } from './html-style-charts.ts';
import { DARK, LIGHT } from './html-style-colours.ts';

export const STYLE = `
:root { color-scheme: light; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { color-scheme: dark; ${DARK} } }
:root[data-theme="dark"] { color-scheme: dark; ${DARK} }

*, *::before, *::after { box-sizing: border-box; }
html { scroll-padding-top: 64px; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
main, .top, nav, footer { width: 100%; max-width: 1240px; margin-inline: auto; padding-inline: clamp(16px, 4vw, 44px); }
h1, h2, h3, p, dl, dd, figure, pre, ul, ol { margin: 0; }
h2, h3 { text-wrap: balance; line-height: 1.25; letter-spacing: -0.01em; overflow-wrap: break-word; }
h2 { font-size: 24px; font-weight: 640; }
h3 { font-size: 16px; font-weight: 640; }
code, pre, kbd { font-family: ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.875em; }
kbd { padding: 0 5px; border: 1px solid var(--line); border-radius: 4px; background: var(--surface); }
a { color: var(--accent); text-underline-offset: 3px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 4px; }
.skip, .hidden-text { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip:focus { width: auto; height: auto; clip-path: none; z-index: 9; padding: 8px 14px; background: var(--surface); }

.top { display: flex; align-items: center; gap: 8px 20px; padding-block: 22px 14px; }
.brand { display: flex; align-items: center; gap: 9px; font-weight: 640; letter-spacing: -0.01em; }
.mark-plimsoll { color: var(--accent); flex: none; }
.run { flex: 1; min-width: 0; display: flex; flex-wrap: wrap; gap: 0 14px; padding-left: 20px; border-left: 1px solid var(--line); font-size: 14px; color: var(--muted); }
.run strong { color: var(--ink); font-weight: 560; }
.quiet { font: inherit; font-size: 14px; color: var(--ink); background: var(--surface); border: 1px solid var(--line-strong); border-radius: 8px; padding: 5px 13px; cursor: pointer; }
.quiet:hover { border-color: var(--accent); color: var(--accent); }
.theme::before { content: ""; display: inline-block; width: 11px; height: 11px; margin-right: 8px; border: 1.5px solid currentColor; border-radius: 50%; background: linear-gradient(90deg, currentColor 50%, transparent 50%); }
nav { position: sticky; top: 0; z-index: 5; display: flex; gap: 4px 22px; overflow-x: auto; scrollbar-width: none; background: linear-gradient(to left, var(--page) 60%, transparent) right / 60px 100% no-repeat local, linear-gradient(to left, var(--edge), transparent) right / 16px 100% no-repeat scroll, var(--page); padding-block: 10px; font-size: 14px; }
nav::after { content: ""; position: absolute; inset: auto clamp(16px, 4vw, 44px) 0; border-bottom: 1px solid var(--line); }
nav a { flex: none; color: var(--muted); text-decoration: none; padding-block: 2px; }
nav a:hover { color: var(--accent); }

section { padding-top: 64px; }
section > h3 { margin-top: 40px; }
.lead { color: var(--muted); margin-top: 8px; max-width: 74ch; font-size: 15px; }
.aside { color: var(--muted); margin-top: 18px; font-size: 15px; max-width: 84ch; }
.failed { color: var(--fail); }

.hero { padding-top: clamp(40px, 6vw, 72px); --tone: var(--muted); }
.hero.pass { --tone: var(--pass); } .hero.fail { --tone: var(--fail); } .hero.inconclusive, .hero.unfinished { --tone: var(--warn); }
.eyebrow { color: var(--muted); font-size: 15px; }
.hero h1 { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 18px; margin-top: 4px; }
.verdict { color: var(--tone); font-size: clamp(32px, 9vw, 88px); line-height: 1.05; font-weight: 760; letter-spacing: -0.035em; margin-left: -0.045em; overflow-wrap: normal; }
.early { font-size: 14px; font-weight: 560; color: var(--warn); border: 1px solid currentColor; border-radius: 99px; padding: 2px 12px; }
.claim { font-size: clamp(20px, 2.6vw, 30px); line-height: 1.32; letter-spacing: -0.015em; margin-top: 16px; max-width: 40em; text-wrap: pretty; }
.meaning { color: var(--muted); margin-top: 14px; max-width: 74ch; }
.reasons { margin-top: 22px; padding: 14px 20px; border-left: 3px solid var(--tone); background: var(--surface); border-radius: 0 8px 8px 0; max-width: 84ch; }

.figures { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); margin-top: clamp(36px, 5vw, 56px); border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); }
.figures > div { padding: 22px 24px; border-left: 1px solid var(--line); }
.figures > div:first-child { border-left: 0; padding-left: 0; }
dt { color: var(--muted); font-size: 14px; }
.figures .value { font-size: clamp(27px, 3.3vw, 44px); line-height: 1.2; font-weight: 620; letter-spacing: -0.03em; margin-top: 4px; overflow-wrap: normal; }
.value .unit { font-size: 0.55em; font-weight: 500; letter-spacing: 0; color: var(--muted); }
.note { color: var(--muted); font-size: 14px; line-height: 1.45; margin-top: 4px; }
.bad .value, .bad .value .unit { color: var(--fail); }

.ledger { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 1px; margin-top: 22px; background: var(--line); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
.ledger > div { grid-column: span 3; background: var(--surface); padding: 16px 20px 18px; }
.ledger > div:nth-child(-n + 3) { grid-column: span 4; }
.ledger .value { font-size: 26px; line-height: 1.25; font-weight: 600; letter-spacing: -0.02em; }
.ledger .note { margin-top: 0; }

/* A shade at the right edge tells that a table goes on there; it scrolls away with the end of the table. */
.table { margin-top: 18px; overflow-x: auto; border: 1px solid var(--line); border-radius: 12px; background: linear-gradient(to left, var(--surface) 60%, transparent) right / 40px 100% no-repeat local, linear-gradient(to left, var(--edge), transparent) right / 10px 100% no-repeat scroll, var(--surface); }
table { width: 100%; border-collapse: collapse; font-size: 14px; line-height: 1.4; overflow-wrap: normal; }
th, td { text-align: left; font-weight: 400; padding: 11px 16px; vertical-align: baseline; }
thead th { color: var(--muted); font-size: 13px; white-space: nowrap; border-bottom: 1px solid var(--line); }
tbody tr + tr > * { border-top: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
th .what { display: block; color: var(--muted); font-size: 13px; }
#metrics tbody th { min-width: 200px; }
.mark { display: inline-flex; align-items: center; gap: 8px; white-space: nowrap; }
.mark::before { content: "✓"; display: grid; place-items: center; width: 20px; height: 20px; border-radius: 50%; font-size: 12px; line-height: 1; font-weight: 700; color: var(--surface); background: var(--pass); }
.mark.failed::before { content: "✗"; background: var(--fail); }
.mark.unjudged::before { content: "–"; background: var(--muted); }
.thresholds th, .thresholds .measured, .thresholds code { white-space: nowrap; }
.thresholds .of { display: inline-block; min-width: 22ch; margin-right: 1em; color: var(--muted); }
.thresholds td:nth-child(4) { width: 46%; }
.thresholds .measured { font-weight: 600; }
.load { display: flex; align-items: center; gap: 14px; --fill: var(--c3); }
.load.failed { --fill: var(--fail); color: inherit; }
.track { position: relative; flex: 1; min-width: 120px; height: 8px; border-radius: 4px; background: var(--shade); }
.track::after { content: ""; position: absolute; left: 80%; top: -5px; bottom: -5px; width: 2px; background: var(--ink); }
.fill { display: block; height: 100%; min-width: 3px; border-radius: 4px; background: var(--fill); }
.load .share { width: 11.5em; color: var(--muted); font-size: 13px; }

.shards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 20px; margin-top: 22px; }
.shard-bars { margin-top: 8px; }
.shard-bars th, .shard-bars td { padding: 5px 0; border: 0; white-space: nowrap; }
.shard-bars tr + tr > * { border: 0; }
.shard-bars .bar { width: 100%; padding-inline: 14px; }
.share-track { display: block; height: 10px; border-radius: 5px; background: var(--shade); overflow: hidden; --fill: var(--c3); }
.pairs { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 48px; margin-top: 18px; }
.pairs > div { display: grid; grid-template-columns: 9.5em minmax(0, 1fr); gap: 12px; padding: 9px 0; border-bottom: 1px solid var(--line); font-size: 15px; align-items: baseline; }
.sentences { padding-left: 1.25em; max-width: 84ch; }
section > .sentences { margin-top: 16px; }
.sentences li + li { margin-top: 8px; }
.sentences li::marker { color: var(--muted); }
pre { margin-top: 18px; padding: 18px 20px; overflow: auto; max-height: 540px; background: var(--surface); border: 1px solid var(--line); border-radius: 12px; line-height: 1.55; overflow-wrap: normal; tab-size: 2; }
.command { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 10px; align-items: start; margin-top: 18px; }
.command pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.command .copy { padding-block: 9px; min-width: 92px; }
footer { margin-top: 80px; padding-block: 26px 44px; color: var(--muted); font-size: 13px; }
footer p { border-top: 1px solid var(--line); padding-top: 20px; }

${CHART_STYLE}

@media (max-width: 900px) {
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .figures > div { padding: 18px 18px 18px 0; border-left: 0; }
  .figures > div:nth-child(even) { padding: 18px 0 18px 18px; border-left: 1px solid var(--line); }
  .figures > div:nth-child(n + 3) { border-top: 1px solid var(--line); }
  .pairs { grid-template-columns: minmax(0, 1fr); }
  .thresholds .of { display: block; min-width: 0; margin-right: 0; }
  section { padding-top: 52px; }
}
@media (max-width: 620px) {
  body { font-size: 15px; }
  h2 { font-size: 21px; }
  .top { flex-wrap: wrap; justify-content: space-between; padding-block: 14px 8px; }
  .run { order: 1; flex: 1 0 100%; padding-left: 0; border-left: 0; }
  .thresholds tbody tr { display: grid; grid-template-columns: auto minmax(0, 1fr); }
  .thresholds thead, .thresholds td:nth-child(4) { display: none; }
  .thresholds tbody tr > * { border-top: 0; }
  .thresholds tbody tr + tr { border-top: 1px solid var(--line); }
  .thresholds td:nth-child(3) { grid-column: 2; padding-top: 0; text-align: left; }
  .thresholds .of, .thresholds code, .thresholds .measured { white-space: normal; overflow-wrap: anywhere; }

  .ledger > div, .ledger > div:nth-child(-n + 3) { grid-column: span 6; padding: 13px 15px; }
  .ledger > div:first-child { grid-column: span 12; }
  .pairs > div { grid-template-columns: minmax(0, 1fr); gap: 0; }
  th, td { padding: 10px 12px; }
  .thresholds .mark { font-size: 0; gap: 0; }
  .faults tbody tr { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; }
  .faults tbody th { grid-column: 1 / -1; padding-bottom: 0; }
  .faults tbody tr > td { border-top: 0; padding-top: 6px; }
  .faults thead tr { display: none; }
  .faults td { text-align: left; }
  .faults td::before { content: "at "; color: var(--muted); }
  .faults td + td::before { content: none; }
  .faults td:last-child::after { content: " lost"; color: var(--muted); }
  .faults .mark { white-space: normal; }
  .faults .mark::before { flex: none; }
  #metrics tbody th { min-width: 150px; }
  #metrics .what { display: none; }
  .stacked thead { display: none; }
  .stacked tbody tr { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); padding: 6px 0; }
  .stacked tbody tr + tr { border-top: 1px solid var(--line); }
  .stacked tbody tr > * { border: 0; padding: 4px 12px; }
  .stacked tbody th { grid-column: 1 / -1; order: -2; }
  .stacked td { text-align: left; }
  .stacked td[data-name="p99"] { order: -1; font-weight: 600; }
  .stacked td::before { content: attr(data-name); display: block; color: var(--muted); font-size: 13px; font-weight: 400; }
  .command { grid-template-columns: minmax(0, 1fr); }
  .command .copy { justify-self: start; }
}
@media print {
  @page { margin: 14mm; }
  body { font-size: 10.5pt; }
  nav, .quiet, .skip, .zoom, .chart-tools, #charts > .lead { display: none !important; }
  main, .top, footer { max-width: none; padding-inline: 0; }
  section { padding-top: 26px; }
  h2, h3 { break-after: avoid; }
  .chart, tr, .figures, .ledger, .pairs > div { break-inside: avoid; }
  .table { overflow: visible; }
  table { font-size: 8pt; }
  th, td { padding: 4px 5px; }
  #metrics tbody th { min-width: 0; }
  pre { max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; }
}
`;
