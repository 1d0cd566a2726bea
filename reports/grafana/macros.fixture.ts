/**
 * What Grafana and its ClickHouse plugin (4.20) put into a query before it is sent: variables, the time range, the interval.
 * Written after the plugin's documentation; throws for whatever is left.
 */

export interface QueryContext {
  /** Chosen values; null: All. */
  variables: Record<string, string | string[] | null>;
  fromMs: number;
  toMs: number;
  /** Whole seconds. */
  intervalSeconds: number;
}

export function expandQuery(text: string, { variables, fromMs, toMs, intervalSeconds }: QueryContext): string {
  const from = `toDateTime(${Math.floor(fromMs / 1_000)})`;
  const to = `toDateTime(${Math.floor(toMs / 1_000)})`;
  const expanded = text
    .replaceAll(/\$__conditionalAll\((.*), \$(\w+)\)/g, (_, condition: string, name: string) =>
      variables[name] === null ? '1=1' : condition,
    )
    .replaceAll(/\$\{(\w+):singlequote\}/g, (whole, name: string) => {
      const value = variables[name];
      return value === undefined || value === null ? whole : [value].flat().map(quote).join(',');
    })
    .replaceAll(/\$__timeFilter\((\w+)\)/g, `$1 >= ${from} AND $1 <= ${to}`)
    .replaceAll(/\$__timeInterval\((\w+)\)/g, `toStartOfInterval(toDateTime($1), INTERVAL ${intervalSeconds} second)`)
    .replaceAll('$__interval_s', String(intervalSeconds));
  if (expanded.includes('$')) throw new Error(`something is left to fill in: ${expanded}`);
  return expanded;
}

function quote(value: string): string {
  return `'${value.replaceAll("'", "\\'")}'`;
}
