/** A run's seconds a few minutes at a time: what is written of a long run does not fit into memory, or one string, at once. */
import type { TimeWindow } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';

const PIECE_MS = 300_000;

/** From the first second with a latency to the last, in order; none where there is no latency. */
export function piecesOf({ percentiles, stepSeconds = 1 }: ReportModel): TimeWindow[] {
  const series = Object.values(percentiles).filter((points) => points.length > 0);
  if (series.length === 0) return [];
  const startMs = Math.min(...series.map((points) => points[0]!.atMs));
  const endMs = Math.max(...series.map((points) => points.at(-1)!.atMs)) + stepSeconds * 1_000;
  const count = Math.ceil((endMs - startMs) / PIECE_MS);
  return Array.from({ length: count }, (_, index) => {
    const fromMs = startMs + index * PIECE_MS;
    return { fromMs, toMs: fromMs + PIECE_MS };
  });
}

/** What `load` gives for each item, in order; the next is loaded while the present one is used. */
export async function* loadAhead<Item, Loaded>(
  items: readonly Item[],
  load: (item: Item) => Promise<Loaded>,
): AsyncGenerator<{ item: Item; loaded: Loaded }> {
  const start = (index: number): Promise<Loaded> | null => {
    const loading = index < items.length ? load(items[index]!) : null;
    // Whoever stops before it is there has a reason of his own.
    loading?.catch(() => {});
    return loading;
  };
  let next = start(0);
  for (const [index, item] of items.entries()) {
    const loaded = await next!;
    next = start(index + 1);
    yield { item, loaded };
  }
}
