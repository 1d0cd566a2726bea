/**
 * Actions on the groups of a volume, one at a time for each group: look up who is what, decide (group-changes.ts), commit
 * the new object and members together with the news for the members' volumes.
 */
import { ERRORS, type ErrorEntry } from '../protocol/errors.ts';
import type { GroupRequest, GroupState } from '../protocol/messages.ts';
import { logicalShard } from '../shard-map.ts';
import { PROPERTY } from '../store/properties.ts';
import { changesOf } from './group-changes.ts';
import { encodeGroupObject, type MemberChange, newGroupObject, ROLE, ROLE_NAMES, withChanges } from './group-object.ts';
import type { Groups } from './groups.ts';
import { groupOwner } from './owners.ts';
import type { Volume } from './volume.ts';

export type GroupAnswer = GroupState | { error: ErrorEntry };

/** Actions of one group that may wait for each other. */
const WAITING_MOST = 256;
/** The actor's own shard has so long to learn of the change before the answer goes out all the same. */
const ACTOR_KNOWS_MS = 2_000;

export class GroupActions {
  #volume: Volume;
  #groups: Groups;
  #busy = new Map<string, { last: Promise<unknown>; waiting: number }>();

  constructor(volume: Volume, groups: Groups) {
    this.#volume = volume;
    this.#groups = groups;
  }

  isBusy(group: string): boolean {
    return this.#busy.has(group);
  }

  async execute(actor: string, request: GroupRequest): Promise<GroupAnswer> {
    const answer = await this.#inTurn(request.group, () => this.#run(actor, request));
    // So that what the actor does next, on his own shard, finds the change there; also if he only repeats himself.
    if (!('error' in answer) && request.action !== 'info') {
      const known = this.#groups.fanout.whenConfirmed(this.#volume.table[logicalShard(actor)]!);
      await Promise.race([known, new Promise((resolve) => setTimeout(resolve, ACTOR_KNOWS_MS))]);
    }
    return answer;
  }

  async #inTurn(group: string, work: () => Promise<GroupAnswer>): Promise<GroupAnswer> {
    const busy = this.#busy.get(group) ?? { last: Promise.resolve(), waiting: 0 };
    if (busy.waiting >= WAITING_MOST) return { error: ERRORS.tryLater };
    this.#busy.set(group, busy);
    busy.waiting++;
    const done = busy.last.then(work).catch((error: Error) => {
      const { id, options } = this.#volume;
      if (!this.#volume.closed) options.log(`volume ${id}: can't read a group: ${error.message}`);
      return { error: ERRORS.tryLater };
    });
    busy.last = done;
    const outcome = await done;
    if (--busy.waiting === 0) this.#busy.delete(group);
    return outcome;
  }

  async #run(actor: string, request: GroupRequest): Promise<GroupAnswer> {
    const { group } = request;
    const object = await this.#groups.object(group);
    const roles = await this.#rolesOf(group, [actor, ...request.users]);
    const state = await this.#volume.users.load(groupOwner(group));
    const { maxGroupMembers } = this.#volume.options.settings;
    const changes = changesOf(request, { object, actor, roles, maxMembers: maxGroupMembers });
    if (!Array.isArray(changes)) return { error: changes };
    if (changes.length > 0) {
      if (this.#volume.draining) return { error: ERRORS.draining };
      if (!this.#volume.commit.healthy) return { error: ERRORS.tryLater };
      await this.#commit(request, changes);
    }
    const role = changes.find(({ user }) => user === actor)?.to ?? roles.get(actor) ?? ROLE.none;
    const members = (await this.#groups.object(group))?.members ?? 0;
    return {
      type: 'group',
      id: request.id,
      group,
      role: ROLE_NAMES[role]!,
      members,
      head: state.committed,
    };
  }

  async #rolesOf(group: string, users: string[]): Promise<Map<string, number>> {
    const distinct = [...new Set(users)];
    const roles = await Promise.all(distinct.map((user) => this.#groups.roleOf(group, user)));
    return new Map(distinct.map((user, i) => [user, roles[i]!]));
  }

  async #commit({ group, open }: GroupRequest, changes: MemberChange[]): Promise<void> {
    const volume = this.#volume;
    const volumeOf = (user: string): number => volume.table[logicalShard(user)]!;
    const before = (await this.#groups.object(group)) ?? newGroupObject(open, volume.options.now());
    const after = withChanges(before, changes, volumeOf);
    const shard = logicalShard(group);
    const owner = groupOwner(group);
    const batch = volume.commit.current();
    batch.store.putProperty(shard, owner, PROPERTY.group, '', encodeGroupObject(after));
    for (const { user, to } of changes) {
      if (to === ROLE.none) batch.store.deleteProperty(shard, owner, PROPERTY.member, user);
      else batch.store.putProperty(shard, owner, PROPERTY.member, user, Buffer.of(to));
      this.#groups.fanout.gatherChange(volumeOf(user), group, user, to);
    }
    // From here on messages go where the members are now.
    this.#groups.setObject(group, after);
    await new Promise<void>((resolve) => batch.effects.push({ apply: resolve }));
  }
}
