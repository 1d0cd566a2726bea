/** Which samples of which metric a threshold means: k6's `name{tag:value, …}`. */
import { suggestion } from '../closest-name.ts';
import {
  COUNTERS,
  type CounterName,
  GAUGES,
  type GaugeName,
  OF_STREAMS,
  RATES,
  type RateName,
  TRENDS,
  type TrendName,
} from './metrics.ts';
import type { Phase } from './samples.ts';

/** Without a phase, those that the summary shows. */
export interface Tags {
  phase?: Phase;
  /** `agent-0`, `shard-1`, `http-load`, … */
  source?: string;
  /** The stream of messages, by its name in the scenario. */
  scenario?: string;
}

export type SelectedMetric = (
  | { type: 'trend'; name: TrendName }
  | { type: 'counter'; name: CounterName }
  | { type: 'rate'; name: RateName }
  | { type: 'gauge'; name: GaugeName }
) & { tags: Tags };

export interface Known {
  /** Names of the run's streams of messages; undefined: any may be meant. Samples of an only one do not carry its name. */
  scenarios?: readonly string[] | undefined;
}

const PHASES: readonly Phase[] = ['connect', 'warm-up', 'steady', 'drain'];
const TAGS = ['phase', 'source', 'scenario'] as const;

/** `fail` is called with one sentence. Whether names and values stand in quotes makes no difference, as in k6. */
export function parseSelector(written: string, known: Known, fail: (problem: string) => never): SelectedMetric {
  const match = /^([^{}]+?)\s*(?:\{([^{}]*)\})?$/.exec(written.trim());
  if (!match) fail(`"${written}" is not a metric; write a name, or name{tag:value}`);
  const name = match[1]!.trim();
  const metric = typeOf(name);
  if (metric === undefined) {
    const names = [...TRENDS, ...COUNTERS, ...RATES, ...GAUGES];
    fail(`a threshold names the unknown metric "${name}"${suggestion(name, names)}`);
  }
  return { ...metric, tags: match[2] === undefined ? {} : parseTags(match[2], { written, name }, known, fail) };
}

function typeOf(name: string): DistributiveOmit<SelectedMetric, 'tags'> | undefined {
  const has = <Name extends string>(names: readonly Name[]): Name | undefined => names.find((each) => each === name);
  const [trend, counter, rate, gauge] = [has(TRENDS), has(COUNTERS), has(RATES), has(GAUGES)];
  if (trend) return { type: 'trend', name: trend };
  if (counter) return { type: 'counter', name: counter };
  if (rate) return { type: 'rate', name: rate };
  return gauge && { type: 'gauge', name: gauge };
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

/** A value may have colons in it: the first one ends the name of the tag. */
function parseTags(
  text: string,
  { written: metric, name }: { written: string; name: string },
  known: Known,
  fail: (problem: string) => never,
): Tags {
  const tags: Tags = {};
  for (const part of text.split(',')) {
    const colon = part.indexOf(':');
    const key = unquoted(colon < 0 ? part : part.slice(0, colon));
    const value = colon < 0 ? '' : unquoted(part.slice(colon + 1));
    if (key === '') fail(`the metric "${metric}" has an empty tag; write name{tag:value}, or the name alone`);
    const tag = TAGS.find((name) => name === key);
    if (tag === undefined) fail(`the metric "${metric}" has the unknown tag "${key}"${suggestion(key, TAGS)}`);
    if (value === '') fail(`the metric "${metric}" gives the tag "${key}" no value; write ${key}:value`);
    if (tag in tags) fail(`the metric "${metric}" gives the tag "${key}" twice; a sample has one ${key}`);
    if (tag === 'scenario' && !(OF_STREAMS as ReadonlySet<string>).has(name))
      fail(`the metric "${metric}" asks for a scenario, which ${name} does not have; leave out "scenario"`);
    if (tag !== 'phase') {
      const { scenarios } = known;
      if (tag === 'scenario' && scenarios !== undefined && !scenarios.includes(value)) {
        fail(`the metric "${metric}" asks for the unknown scenario "${value}"${suggestion(value, scenarios)}`);
      }
      if (tag === 'source' || scenarios?.length !== 1) tags[tag] = value;
      continue;
    }
    const phase = PHASES.find((name) => name === value);
    if (phase === undefined)
      fail(`the metric "${metric}" has the unknown phase "${value}"${suggestion(value, PHASES)}`);
    tags.phase = phase;
  }
  return tags;
}

/** As k6 does it: blanks, then any quotes, off both ends. */
function unquoted(text: string): string {
  return text.trim().replace(/^["']+|["']+$/g, '');
}
