/**
 * Reads Prometheus' text format as strictly as it is written down (prometheus.io/docs/instrumenting/exposition_formats,
 * version 0.0.4), and holds names against its conventions. For tests: what is wrong is thrown.
 */

export interface ReadFamily {
  help: string;
  type: string;
  /** By the labels as they are written, without braces; of a histogram with `_bucket `, `_sum ` or `_count ` before them. */
  samples: Map<string, number>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]Inf)$/;
/** Base units only. */
const WRONG_UNIT = /_(ms|us|milliseconds|microseconds|minutes|kilobytes|megabytes|kb|mb|percent)(_total)?$/;

export function readPrometheusText(text: string): Map<string, ReadFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, ReadFamily>();
  let current: { name: string; family: ReadFamily } | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (what: string): never => {
      throw new Error(`${what}: ${line}`);
    };
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string];
      if (!NAME.test(name)) fail('not a name');
      if (kind === 'HELP') {
        if (families.has(name)) fail('a family in two parts');
        if (!/^(?:[^\\]|\\[\\n])*$/.test(rest)) fail('an escape that is none');
        current = { name, family: { help: rest, type: '', samples: new Map() } };
        families.set(name, current.family);
      } else {
        if (current?.name !== name || current.family.type !== '') fail('a type without its help before it');
        if (!['counter', 'gauge', 'histogram', 'summary'].includes(rest)) fail('not a type');
        current!.family.type = rest;
      }
      continue;
    }
    const sample = SAMPLE.exec(line) ?? fail('not a line of the format');
    const [, name, labels = '', value] = sample as unknown as [string, string, string | undefined, string];
    const suffix = current?.family.type === 'histogram' ? (/_(bucket|sum|count)$/.exec(name)?.[0] ?? '') : '';
    if (current === null || name !== `${current.name}${suffix}` || current.family.type === '')
      fail('a sample outside of its family');
    if (line.includes('{') && labels === '') fail('empty braces');
    checkLabels(labels, fail);
    if (!NUMBER.test(value)) fail('not a number');
    const { samples } = current!.family;
    const key = suffix === '' ? labels : `${suffix} ${labels}`;
    if (samples.has(key)) fail('a sample twice');
    samples.set(key, Number(value.replace('Inf', 'Infinity')));
  }
  for (const [name, family] of families) checkConventions(name, family);
  return families;
}

function checkLabels(labels: string, fail: (what: string) => never): void {
  const seen = new Set<string>();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labels.length) {
    const [, name] = LABEL.exec(labels) ?? fail('labels that can’t be read');
    if (seen.has(name!) || name!.startsWith('__')) fail(`the label ${name}`);
    seen.add(name!);
  }
}

function checkConventions(name: string, { type, samples }: ReadFamily): void {
  if (type === '') throw new Error(`${name} has no type`);
  if ((type === 'counter') !== name.endsWith('_total')) throw new Error(`${name} is a ${type}`);
  if (WRONG_UNIT.test(name)) throw new Error(`${name} is not in a base unit`);
  for (const value of samples.values())
    if (type === 'counter' && !(value >= 0)) throw new Error(`${name} counted ${value}`);
}
