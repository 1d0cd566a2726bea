/** A run as rows of the results store's tables: its start, its samples, its end. */
import type { CounterRow, GaugeRow, HistogramRow, SampleBatch } from '../../loadgen/recorder/samples.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import { ResultsError, type RunStart } from './results-store.ts';
import { clickhouseTime } from './store-client.ts';

/** Rows for one table, in the order of its JSONEachRow lines. */
export interface TableRows {
  table: string;
  rows: object[];
}

export function startRow(run: RunStart): object {
  return {
    run_id: run.runId,
    name: run.name,
    tags: run.tags,
    started_at: clickhouseTime(run.startedAtMs),
    scenario: run.scenario,
    scenario_text: run.scenarioText,
    command: run.command,
    seed: run.seed,
    config: JSON.stringify(run.config),
    environment: JSON.stringify(run.environment),
  };
}

/**
 * Only tables that get rows.
 * @throws ResultsError `failed` for a row that would come back as something else.
 */
export function sampleRows(runId: string, batch: SampleBatch): TableRows[] {
  checkBatch(batch);
  return withRows([
    { table: 'histograms', rows: batch.histograms.map((row) => histogramRow(runId, row)) },
    { table: 'counters', rows: batch.counters.map((row) => counterRow(runId, row)) },
    { table: 'gauges', rows: batch.gauges.map((row) => gaugeRow(runId, row)) },
  ]);
}

/** In the order to store them in: a run that has its end has everything else. */
export function endRows(runId: string, summary: RunSummary): TableRows[] {
  const { ledger, results, faults, phases } = summary;
  const delivery = results.metrics.find((metric) => metric.name === 'delivery_latency' && metric.type === 'trend');
  return withRows([
    { table: 'ledger', rows: [{ run_id: runId, ...ledger }] },
    {
      table: 'thresholds',
      rows: results.thresholds.map(({ endedRunAtSeconds = null, ...row }) => ({
        run_id: runId,
        ...row,
        ended_run_at_seconds: endedRunAtSeconds,
      })),
    },
    {
      table: 'faults',
      rows: faults.map((row) => ({
        run_id: runId,
        kind: row.kind,
        at_seconds: row.atSeconds,
        recovery_seconds: row.recoverySeconds,
        lost: row.lost,
        for_seconds: row.forSeconds ?? 0,
        detail: row.detail ?? '',
        problem: row.problem ?? '',
        connections_before: row.connectionsBefore ?? 0,
        connections_lowest: row.connectionsLowest ?? 0,
        p99_before_ms: row.p99BeforeMs ?? null,
        p99_worst_ms: row.p99WorstMs ?? null,
        backlog_highest: row.backlogHighest ?? 0,
        dropped: row.dropped ?? 0,
        reconnects: row.reconnects ?? 0,
      })),
    },
    {
      table: 'phases',
      rows: phases.map((row) => ({
        run_id: runId,
        phase: row.phase,
        start_at: clickhouseTime(row.startMs),
        end_at: clickhouseTime(row.endMs),
      })),
    },
    {
      table: 'run_ends',
      rows: [
        {
          run_id: runId,
          finished_at: clickhouseTime(Date.parse(summary.metadata.generatedAt)),
          verdict: summary.verdict,
          connections_peak: summary.server.connectionsPeak,
          delivery_p99_ms: delivery?.type === 'trend' && delivery.values.count > 0 ? delivery.values['p(99)'] : null,
          summary: JSON.stringify(summary),
        },
      ],
    },
  ]);
}

function withRows(tables: TableRows[]): TableRows[] {
  return tables.filter(({ rows }) => rows.length > 0);
}

function histogramRow(runId: string, row: HistogramRow): object {
  return {
    run_id: runId,
    at: clickhouseTime(row.atMs),
    source: row.source,
    metric: row.metric,
    phase: row.phase,
    scenario: row.scenario ?? '',
    count: row.count,
    sum_us: row.sumUs,
    min_us: row.minUs,
    max_us: row.maxUs,
    bucket_values: row.values,
    bucket_counts: row.counts,
  };
}

function counterRow(runId: string, row: CounterRow): object {
  return {
    run_id: runId,
    at: clickhouseTime(row.atMs),
    source: row.source,
    metric: row.metric,
    phase: row.phase,
    scenario: row.scenario ?? '',
    value: row.value,
  };
}

function gaugeRow(runId: string, row: GaugeRow): object {
  return { run_id: runId, at: clickhouseTime(row.atMs), source: row.source, metric: row.metric, value: row.value };
}

/** What ClickHouse would store as something else without a word: not a number becomes 0, a negative count wraps. */
function checkBatch(batch: SampleBatch): void {
  for (const { metric, source, atMs } of [...batch.histograms, ...batch.counters, ...batch.gauges]) {
    if (!isCount(atMs)) {
      throw new ResultsError('failed', `A row of ${metric} of ${source} is at ${atMs}: that is no time in ms.`);
    }
  }
  for (const row of [...batch.counters, ...batch.gauges]) {
    if (!Number.isFinite(row.value)) {
      throw new ResultsError(
        'failed',
        `${row.metric} of ${row.source} is ${row.value}: only finite values are stored.`,
      );
    }
  }
  for (const row of batch.histograms) {
    const { metric, source, count, sumUs, minUs, maxUs, values, counts } = row;
    if (![count, sumUs, minUs, maxUs].every(isCount) || !values.every(isCount) || !counts.every(isCount)) {
      throw new ResultsError('failed', `A histogram of ${metric} of ${source} has figures that are not whole numbers.`);
    }
    if (values.length !== counts.length) {
      throw new ResultsError(
        'failed',
        `A histogram of ${metric} of ${source} has ${values.length} buckets and ${counts.length} counts.`,
      );
    }
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
