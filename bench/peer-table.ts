/** What `bench:peers` found, as a table of tools and as figures with their targets. Pure. */
import { type Figure, spreadOf, type Target } from './figure.ts';

/** One rate that was asked for and kept to 95%. */
export interface Rated {
  asked: number;
  perSecond: number;
  /** CPU a message, of all of the tool's processes. */
  micros: number;
  /** The same of those that hold the connections; null: that is all of them. */
  connectionMicros: number | null;
  /** Acknowledgements of the receiving side, a message: below 1, some cover several. */
  acks: number;
}

export interface PeerFigures {
  name: string;
  bytesPerConnection: number;
  /** In ascending order of what was asked. */
  kept: Rated[];
}

/** Plimsoll ÷ another tool: the bounds of issue and README. */
const TARGETS: Record<string, { memory: number; cpu: number; rate: number | null }> = {
  k6: { memory: 1 / 40, cpu: 1 / 3, rate: null },
  Artillery: { memory: 1, cpu: 1 / 3, rate: 5 },
};

export const PEER_NOTES = [
  'Memory: resident, with 10,000 idle connections less that with 2,000 (k6: 1,000 and 200), a connection; of Plimsoll its agent process, which holds them. Kernel memory is beside it, the same for all.',
  'CPU: of all of the tool’s processes, over the messages that the target counted; of Plimsoll in parentheses its agent, which does the work that grows with the messages: coordinator and results store take about a tenth of a core at any rate.',
  'k6 and Artillery speak JSON, with a larger frame (about 160 bytes for 116); bare sockets and Plimsoll the binary protocol.',
  'Artillery’s ws engine can’t wait for an acknowledgement among pushes (it takes the next frame of any kind), so it measures no latency here: a function of the script answers pushes, outside of the engine.',
];

const TABLED_RATES = [2_000, 4_000, 8_000, 16_000];

/** A column for each rate; "–" where it was not kept. In parentheses the processes that hold the connections, where there are others. */
export function tableOfPeers(results: readonly PeerFigures[]): string {
  const columns = TABLED_RATES.map((rate) => `µs a message at ${rate.toLocaleString('en-US')}/s`);
  const rows = [['', 'KB a connection', ...columns, 'highest rate kept', 'acks a message']];
  for (const { name, bytesPerConnection, kept } of results) {
    const highest = highestOf(kept);
    rows.push([
      name,
      (bytesPerConnection / 1_000).toFixed(1),
      ...TABLED_RATES.map((rate) => costAt(kept, rate)),
      highest === undefined ? 'none' : `${Math.round(highest.perSecond).toLocaleString('en-US')}/s`,
      highest === undefined ? '–' : highest.acks.toFixed(2),
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ');
  return rows.map(line).join('\n');
}

function costAt(kept: readonly Rated[], rate: number): string {
  const rated = kept.find(({ asked }) => asked === rate);
  if (rated === undefined) return '–';
  const { micros, connectionMicros } = rated;
  return connectionMicros === null ? micros.toFixed(1) : `${micros.toFixed(1)} (${connectionMicros.toFixed(1)})`;
}

function highestOf(kept: readonly Rated[]): Rated | undefined {
  return [...kept].sort((a, b) => a.perSecond - b.perSecond).at(-1);
}

/** Of the tools that took part. CPU is compared at the highest rate that both kept. */
export function figuresOfPeers(results: readonly PeerFigures[]): Figure[] {
  const own = results.find(({ name }) => name === 'Plimsoll');
  if (own === undefined) return [];
  return results.flatMap((peer) => {
    const targets = TARGETS[peer.name];
    if (targets === undefined) return [];
    const figure = (what: string, target: Target, value: number): Figure => ({
      name: `Plimsoll ÷ ${peer.name}: ${what}`,
      unit: '',
      target,
      measured: spreadOf([value]),
    });
    const figures = [
      figure('memory a connection', { atMost: targets.memory }, own.bytesPerConnection / peer.bytesPerConnection),
    ];
    const theirs = peer.kept.filter(({ asked }) => own.kept.some((rated) => rated.asked === asked)).at(-1);
    const ours = own.kept.find(({ asked }) => asked === theirs?.asked);
    const best = highestOf(peer.kept);
    const ownBest = highestOf(own.kept);
    if (theirs !== undefined && ours !== undefined) {
      const at = `at ${theirs.asked.toLocaleString('en-US')}/s`;
      figures.push(
        figure(`CPU a message ${at}`, { atMost: targets.cpu }, ours.micros / theirs.micros),
        figure(`CPU a message ${at}, agent alone`, null, (ours.connectionMicros ?? ours.micros) / theirs.micros),
      );
    }
    if (best !== undefined && ownBest !== undefined) {
      const target = targets.rate === null ? null : { atLeast: targets.rate };
      figures.push(figure('highest rate kept', target, ownBest.perSecond / best.perSecond));
    }
    return figures;
  });
}
