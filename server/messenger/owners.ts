/**
 * A timeline belongs to a user, or to a group: then its owner's name is the group's id behind a control character, which no
 * user id can hold. What is done for users' timelines (heads, numbering, retention) is thereby done for groups' as well.
 */
import { logicalShard } from '../shard-map.ts';
import { isGroupOwner } from '../store/properties.ts';

export { groupOwner, isGroupOwner } from '../store/properties.ts';

/** The group's id of an owner for which `isGroupOwner` holds. */
export function groupOfOwner(owner: string): string {
  return owner.slice(1);
}

/** The logical shard of a user, or of a group by its own id. */
export function shardOfOwner(owner: string): number {
  return logicalShard(isGroupOwner(owner) ? groupOfOwner(owner) : owner);
}
