/** What a results store in another process is asked and answers. */
import type { ResultsErrorCode, ResultsStore } from './results-store.ts';
import { ResultsError } from './results-store.ts';
import type { Retention } from './retention.ts';

export const STORE_METHODS = [
  'startRun',
  'write',
  'storeSegment',
  'finishRun',
  'listRuns',
  'loadRun',
  'loadSeconds',
  'loadIntervals',
  'loadSources',
  'countRows',
  'saveSearch',
  'listSearches',
  'saveCostModel',
  'listCostModels',
  'query',
  'close',
] as const;

export type StoreMethod = (typeof STORE_METHODS)[number] & keyof ResultsStore;

/** Those that change nothing: nobody misses their answer when whoever asked is gone. */
export const READS: ReadonlySet<StoreRequest['method']> = new Set<StoreMethod>([
  'listRuns',
  'loadRun',
  'loadSeconds',
  'loadIntervals',
  'loadSources',
  'countRows',
  'listSearches',
  'listCostModels',
  'query',
]);

/** What passes to the process of its own; as ClickHouseStoreOptions. */
export interface EmbeddedOptions {
  readOnly?: boolean;
  retention?: Retention | undefined;
}

/** The first request of a connection is `open`; answers may come in any order. */
export type StoreRequest =
  | { id: number; method: 'open'; args: [directory: string, options: EmbeddedOptions] }
  | { id: number; method: StoreMethod; args: unknown[] };

export type StoreAnswer =
  | { id: number; ok: true; value: unknown }
  | { id: number; ok: false; code: ResultsErrorCode; message: string; stage: 'engine' | 'store' };

/** `engine`: chDB did not open, and said why on standard error. */
export function failedAnswer(id: number, error: unknown, stage: 'engine' | 'store'): StoreAnswer {
  const code = error instanceof ResultsError ? error.code : 'failed';
  return { id, ok: false, code, message: (error as Error).message, stage };
}
