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

/** The process that owns each volume when `processes` share `volumes` evenly: volume v belongs to process v mod n. */
export function volumesOfProcess(process: number, processes: number, volumes: number): number[] {
  const own: number[] = [];
  for (let volume = process; volume < volumes; volume += processes) own.push(volume);
  return own;
}

/** What the router tells clients: who owns which range of logical shards. */
export interface Owner extends ShardRange {
  url: string;
}
