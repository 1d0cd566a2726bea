/**
 * Which server holds which user: `logical shard = hash(UserID) % 1000`, logical shards in contiguous ranges are volumes
 * (one store each), and volumes belong to processes. Pure.
 */
import { LOGICAL_SHARDS, logicalShard } from './protocol/shard-hash.ts';

export { LOGICAL_SHARDS, logicalShard };

/** A contiguous range of logical shards, `to` inclusive. */
export interface ShardRange {
  from: number;
  to: number;
}

/** The range of logical shards that volume `volume` of `volumes` holds; sizes differ by at most one. */
export function volumeRange(volume: number, volumes: number): ShardRange {
  return {
    from: Math.floor((volume * LOGICAL_SHARDS) / volumes),
    to: Math.floor(((volume + 1) * LOGICAL_SHARDS) / volumes) - 1,
  };
}

/** Table from logical shard to volume. */
export function volumeTable(volumes: number): Uint16Array {
  if (!Number.isInteger(volumes) || volumes < 1 || volumes > LOGICAL_SHARDS) {
    throw new RangeError(`volumes must be a whole number from 1 to ${LOGICAL_SHARDS}, not ${volumes}`);
  }
  const table = new Uint16Array(LOGICAL_SHARDS);
  for (let volume = 0; volume < volumes; volume++) {
    const { from, to } = volumeRange(volume, volumes);
    table.fill(volume, from, to + 1);
  }
  return table;
}

/** The owner of each item of a fresh node: item i belongs to owner i mod n, so that shares differ by one at most. */
export function assign(items: number, owners: readonly number[]): number[] {
  if (owners.length === 0) throw new RangeError('nobody is there to own anything');
  return Array.from({ length: items }, (_, item) => owners[item % owners.length]!);
}

/**
 * A table (item → owner) for other owners than before, with as few moves as a balance to within one allows: of owners that
 * have gone all items move and no others do; to an owner that is new its share moves, and nothing else. Whatever the item
 * is: a volume, a logical shard. The same table and owners give the same result.
 */
export function rebalance(table: readonly number[], owners: readonly number[]): number[] {
  if (owners.length === 0) throw new RangeError('nobody is there to own anything');
  const shares = new Map<number, number[]>([...new Set(owners)].sort((a, b) => a - b).map((owner) => [owner, []]));
  const homeless: number[] = [];
  for (const [item, owner] of table.entries()) (shares.get(owner) ?? homeless).push(item);
  const least = Math.floor(table.length / shares.size);
  // So many owners have one more than the others: those who have most already.
  let larger = table.length % shares.size;
  const quotas = new Map<number, number>();
  for (const [owner, share] of [...shares].sort((a, b) => b[1].length - a[1].length)) {
    quotas.set(owner, larger-- > 0 ? least + 1 : least);
    // The last come are the first to go: what an owner took over goes back before what it had from the start.
    homeless.push(...share.splice(quotas.get(owner)!));
  }
  const next = [...table];
  homeless.sort((a, b) => a - b);
  for (const [owner, share] of shares) {
    for (const item of homeless.splice(0, quotas.get(owner)! - share.length)) next[item] = owner;
  }
  return next;
}

/** What the router tells clients: who owns which range of logical shards. */
export interface Owner extends ShardRange {
  url: string;
}
