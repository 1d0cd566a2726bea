/** The bottom of the page, for whoever wants to check or repeat the run: environment, load, scenario, command, notes, method. */
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { ReportModel } from '../report-model.ts';
import { formatBytes, formatCount, formatDate, formatDuration, formatPlural, formatRate } from './format.ts';
import { escapeHtml, htmlList, htmlSection } from './html-text.ts';
import { agentPlaces, runNotes } from './summary-view.ts';

/** A scenario is a page or two of text; something far longer would push the report over what mail takes. */
const SCENARIO_CHARACTERS_MAX = 200_000;

const METHOD = [
  'Latency counts from the moment at which a message was meant to be sent, not from when it left. A generator that falls behind makes its own figures worse and can hide nothing (no coordinated omission). Service time, counted from the actual send, stands beside it.',
  'Every process records into a histogram with three significant digits, once a second. Histograms are merged; percentiles are never averaged. Thresholds look at the steady phase only.',
  'Every message is in exactly one of delivered, lost and pending. Losing none in n messages shows, at 95% confidence, a loss rate below 3 ÷ n, and no more than that.',
  'Memory per connection is what resident memory grew by over the empty state, divided by the connections. The kernel’s memory (slab and socket buffers) is no part of resident memory, so it is counted apart, for both ends of a connection where both are on this machine.',
  'A run that meets its thresholds passes. One that doesn’t fails only if the generator is above suspicion by its own CPU, loop delay and send slip; otherwise it is inconclusive.',
];

export function backgroundSections(model: ReportModel): string {
  const { summary } = model;
  return [
    summary === null ? '' : environmentSection(summary),
    summary === null ? '' : loadSection(summary),
    scenarioSection(model.scenarioText, summary),
    repeatSection(model.command, summary),
    notesSection(summary),
  ]
    .filter((section) => section !== '')
    .join('\n');
}

function environmentSection(summary: RunSummary): string {
  const { metadata, config, server, generator, connecting } = summary;
  const { machine } = metadata;
  const places = agentPlaces(summary);
  const tags = Object.entries(metadata.tags).map(([key, value]) => `${key}=${value}`);
  const pairs: Array<[string, string]> = [
    ['Run', metadata.runId],
    ['Started', formatDate(metadata.startedAt)],
    ['Target', config.target],
    ['Store', `${config.store}, durability ${config.durability}`],
    ['Processes', `${formatPlural(config.shards, 'shard')}, ${formatPlural(config.agents, 'agent')}`],
    ...(places === null ? [] : [['Agents on', places] as [string, string]]),
    ['Machine', `${formatPlural(machine.cores, 'core')}, ${machine.cpu}`],
    ['Memory', formatBytes(machine.memoryBytes)],
    ['Descriptor limit', `${formatCount(machine.descriptorLimit)} per process`],
    ['Software', `Plimsoll ${metadata.plimsollVersion}, Node ${machine.node}, kernel ${machine.kernel}`],
    ['Shared machine', machine.sharedMachine ? 'yes, generator and server' : 'no'],
    ['Connecting', `${formatDuration(connecting.seconds)}, ${formatRate(connecting.perSecond)}`],
    ['Server', `${formatDuration(server.cpuSeconds)} CPU time, at most ${formatBytes(server.rssBytesPeak)} resident`],
    [
      'Generator',
      `${formatDuration(generator.cpuSeconds)} CPU time, at most ${formatBytes(generator.rssBytesPeak)} resident`,
    ],
    ['Tags', tags.length === 0 ? 'none' : tags.join(', ')],
  ];
  const items = pairs.map(([label, value]) => `<div><dt>${label}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return htmlSection('environment', 'Where it ran', `<dl class="pairs">${items.join('\n')}</dl>`);
}

function loadSection({ config }: RunSummary): string {
  const lines = config.derivation.length === 0 ? ['The scenario states its load directly.'] : config.derivation;
  return htmlSection('load', 'How the load was derived', htmlList(lines, true));
}

function scenarioSection(text: string, summary: RunSummary | null): string {
  if (text.trim() === '')
    return htmlSection('scenario', 'The scenario', '<p>The text of the scenario was not kept.</p>');
  const shown = text.slice(0, SCENARIO_CHARACTERS_MAX);
  const rest = text.length - shown.length;
  const cut = rest > 0 ? `<p class="aside">${formatCount(rest)} more characters are left out here.</p>` : '';
  return htmlSection(
    'scenario',
    'The scenario',
    `${codeBlock('Source of the scenario', shown)}${cut}`,
    changedLead(summary),
  );
}

/** What the command line changed stands at the end of the description. */
function changedLead(summary: RunSummary | null): string {
  const changed = / \(changed: (--[^()]*)\)$/.exec(summary?.config.description ?? '')?.[1];
  if (changed === undefined) return 'As it was run.';
  return `As it is written. The command line changed it for this run: <code>${escapeHtml(changed)}</code>.`;
}

function repeatSection(command: string, summary: RunSummary | null): string {
  const seed = summary === null ? '' : ` --seed ${summary.config.seed}`;
  const seeded = seed === '' || /\s--seed\b/.test(command) ? command : `${command}${seed}`;
  const lead = 'The same seed gives the same users, partners and send times; how long things take is the machine’s.';
  const button = '<button type="button" class="quiet copy">Copy</button>';
  return htmlSection(
    'repeat',
    'How to run it again',
    `<div class="command">${codeBlock('Command', seeded)}${button}</div>`,
    lead,
  );
}

function notesSection(summary: RunSummary | null): string {
  const notes = summary === null ? [] : runNotes(summary);
  const own = notes.length === 0 ? '' : htmlList(notes);
  return htmlSection('notes', 'Notes and limits', `${own}\n<h3>How it was measured</h3>\n${htmlList(METHOD)}`);
}

function codeBlock(label: string, text: string): string {
  return `<pre tabindex="0" role="region" aria-label="${label}"><code>${escapeHtml(text)}</code></pre>`;
}
