/**
 * Which logical shard holds a user: `shard = hash(UserID) % 1000`.
 *
 * The hash is FNV-1a (32 bits, over the UTF-8 bytes) followed by murmur3's finaliser fmix32, because the low bits of bare
 * FNV-1a are uneven over ids that differ in a few digits only. Servers, the router and clients must agree on it.
 */

export const LOGICAL_SHARDS = 1000;

/** The unsigned 32-bit hash of a user id. */
export function shardHash(user: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < user.length; i++) {
    const code = user.charCodeAt(i);
    if (code >= 0x80) return mix(fnvUtf8(user));
    h = Math.imul(h ^ code, 0x01000193);
  }
  return mix(h);
}

/** The logical shard of a user, 0–999. */
export function logicalShard(user: string): number {
  return shardHash(user) % LOGICAL_SHARDS;
}

function fnvUtf8(user: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(user, 'utf8')) h = Math.imul(h ^ byte, 0x01000193);
  return h;
}

/** fmix32 of MurmurHash3. */
function mix(hash: number): number {
  let h = hash;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}
