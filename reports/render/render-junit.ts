/**
 * A run as JUnit XML for CI systems: one suite, a test case for each thing that the verdict rests on. Valid against the
 * schema of Ant's JUnit task and that of Jenkins' xUnit plugin, which the readers of GitHub and GitLab follow.
 *
 * A `failure` is held against the server. A run that is inconclusive has one `error`, its validity: all three show that as
 * not passed, as its exit code of 98 asks for, and keep it apart from failures. What it missed is `skipped`, for it does not
 * count: shown, with the figures, and not as a defect of the server. A run that did not pass is never all green.
 */
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { ReportModel } from '../report-model.ts';
import { type JUnitCase, junitCases } from './junit-cases.ts';
import { escapeXml, type XmlAttributes, xmlElement } from './xml-text.ts';

/** Ends with a newline. */
export function renderJUnit(model: ReportModel): string {
  const { summary } = model;
  const name = summary === null ? model.name || model.runId : summary.metadata.name || summary.config.scenario;
  const cases = junitCases(model);
  const count = (outcome: JUnitCase['outcome']): number => cases.filter((each) => each.outcome === outcome).length;
  const suite = xmlElement(
    'testsuite',
    {
      name: `plimsoll ${name}`,
      package: 'plimsoll',
      id: 0,
      timestamp: timestamp(model),
      hostname: summary?.agents?.[0]?.host || 'localhost',
      tests: cases.length,
      failures: count('failure'),
      errors: count('error'),
      skipped: count('skipped'),
      time: seconds(cases[0]!.seconds),
    },
    lines([
      xmlElement('properties', {}, lines(properties(model).map(([key, value]) => property(key, value)))),
      ...cases.map((each) => testCase(name, each)),
      xmlElement('system-out', {}, escapeXml(remarks(summary))),
      xmlElement('system-err', {}),
    ]),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement('testsuites', {}, lines([suite]))}\n`;
}

function testCase(run: string, { group, name, seconds: time, outcome, message, detail }: JUnitCase): string {
  // Dots would make packages of a name.
  const classname = `${run.replaceAll('.', '_')}.${group}`;
  const attributes = { name, classname, time: seconds(time) };
  if (outcome === 'passed') return xmlElement('testcase', attributes);
  // Ant's schema knows no type of a skipped one.
  const type: XmlAttributes = { failure: { type: 'missed' }, error: { type: 'inconclusive' }, skipped: {} }[outcome];
  return xmlElement('testcase', attributes, xmlElement(outcome, { message, ...type }, escapeXml(detail)));
}

function properties({ runId, status, summary, command }: ReportModel): Array<[string, string | number]> {
  const own: Array<[string, string | number]> = [
    ['run', runId],
    ...(command === '' ? [] : [['command', command] as [string, string]]),
  ];
  if (summary === null) return [...own, ['status', status]];
  const { metadata, config, verdict } = summary;
  const { machine } = metadata;
  return [
    ...own,
    ['verdict', verdict],
    ['scenario', config.scenario],
    ['seed', config.seed],
    ['target', config.target],
    ['connections', config.connectionsRequested],
    ['machine', `${machine.cores} cores, ${machine.cpu}, ${machine.memoryBytes} bytes of memory`],
    ['kernel', machine.kernel],
    ['node', machine.node],
    ['plimsoll', metadata.plimsollVersion],
    ...Object.entries(metadata.tags).map<[string, string]>(([key, value]) => [`tag ${key}`, value]),
  ];
}

function property(name: string, value: string | number): string {
  return xmlElement('property', { name, value } satisfies XmlAttributes);
}

function remarks(summary: RunSummary | null): string {
  return summary === null ? '' : [summary.claim, ...summary.notes].join('\n');
}

/** Ant's schema has no place for a zone. */
function timestamp({ summary, percentiles, counters }: ReportModel): string {
  const first = [...Object.values(percentiles), ...Object.values(counters)].map((points) => points[0]!.atMs);
  const started = summary ? Date.parse(summary.metadata.startedAt) : Math.min(...first);
  return new Date(Number.isFinite(started) ? started : 0).toISOString().slice(0, 19);
}

function seconds(value: number): string {
  return value.toFixed(3);
}

function lines(elements: string[]): string {
  return `\n${elements.join('\n')}\n`;
}
