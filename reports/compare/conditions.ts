/** What was not the same on both sides, so that nobody takes its effect for the program's. Pure. */
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { RunSeconds } from '../run-seconds.ts';
import type { UnlikeCondition } from './comparison.ts';

interface Machine {
  cores?: number;
  cpu?: string;
  memoryBytes?: number;
  node?: string;
  kernel?: string;
}

interface Condition {
  what: string;
  /** Undefined: the run does not say, since it has no summary. */
  read: (run: RunSeconds) => string | number | undefined;
}

/** In the order in which they matter. */
const CONDITIONS: readonly Condition[] = [
  { what: 'scenario', read: ({ scenario }) => scenario },
  ofConfig('offered rate', ({ rateOffered }) => `${Math.round(rateOffered * 100) / 100}/s`),
  ofConfig('connections asked for', ({ connectionsRequested }) => connectionsRequested),
  ofConfig('steady phase', ({ durationSeconds }) => `${durationSeconds} s`),
  ofConfig('target', ({ target }) => target),
  // A store of the run's own is in a folder of its own: only the kind counts.
  ofConfig('message store', ({ store }) => store.split(':')[0]),
  ofConfig('durability', ({ durability }) => durability),
  ofConfig('shards', ({ shards }) => shards),
  ofConfig('agents', ({ agents }) => agents),
  { what: 'Plimsoll version', read: ({ summary }) => summary?.metadata.plimsollVersion },
  ofMachine('processor', ({ cores, cpu }) => (cpu === undefined ? undefined : `${cores} × ${cpu}`)),
  ofMachine('memory', ({ memoryBytes }) =>
    memoryBytes === undefined ? undefined : `${Math.round(memoryBytes / 1e8) / 10} GB`,
  ),
  ofMachine('Node', ({ node }) => node),
  ofMachine('kernel', ({ kernel }) => kernel),
  {
    what: 'machines of the agents',
    read: ({ summary }) => [...new Set(summary?.agents?.map(({ host }) => host))].sort().join(', ') || undefined,
  },
  {
    what: 'faults',
    read: ({ summary }) =>
      summary === null
        ? undefined
        : summary.faults.map(({ kind, atSeconds }) => `${kind} at ${Math.round(atSeconds)} s`).join(', ') || 'none',
  },
  {
    what: 'ended early',
    read: ({ summary, status }) => (summary?.metadata.complete && status === 'finished' ? 'no' : 'yes'),
  },
  { what: 'seed', read: ({ seed }) => seed },
];

function ofConfig(what: string, read: (config: RunSummary['config']) => string | number | undefined): Condition {
  return { what, read: ({ summary }) => (summary === null ? undefined : read(summary.config)) };
}

function ofMachine(what: string, read: (machine: Machine) => string | number | undefined): Condition {
  return { what, read: ({ summary, environment }) => read(summary?.metadata.machine ?? (environment as Machine)) };
}

/** Of what both sides say. */
export function unlikeConditions(a: readonly RunSeconds[], b: readonly RunSeconds[]): UnlikeCondition[] {
  const found = CONDITIONS.flatMap((condition) => {
    const [ofA, ofB] = [valuesOf(a, condition), valuesOf(b, condition)];
    return ofA === '' || ofB === '' || ofA === ofB ? [] : [{ what: condition.what, a: ofA, b: ofB }];
  });
  const texts = (runs: readonly RunSeconds[]): string =>
    [...new Set(runs.map((run) => run.scenarioText))].sort().join();
  if (texts(a) !== texts(b) && !found.some(({ what }) => what === 'scenario')) {
    found.unshift({ what: 'scenario text', a: 'one wording', b: 'another, under the same name' });
  }
  return found;
}

/** Was the same rate asked for? Where users wait for answers, what they achieve is the server's doing. */
export function offeredAlike(a: readonly RunSeconds[], b: readonly RunSeconds[]): boolean {
  const rates = [...a, ...b].flatMap(({ summary }) =>
    summary === null || summary.config.closed ? [] : [Math.round(summary.config.rateOffered * 100)],
  );
  return new Set(rates).size <= 1;
}

/** Seeds of a set differ by rights: they are no condition of it. */
function valuesOf(runs: readonly RunSeconds[], { what, read }: Condition): string {
  if (what === 'seed' && runs.length > 1) return '';
  const known = runs.map(read).filter((value) => value !== undefined);
  return [...new Set(known.map(String))].sort().join(' or ');
}
