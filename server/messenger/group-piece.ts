/** A group message for some members of one volume: appended to their timelines together, shown to their devices together. */
import { appendInCopy, frameOf } from './entry.ts';
import type { UserState } from './user-state.ts';
import type { Batch, Effect, Volume } from './volume.ts';

export class GroupPiece implements Effect {
  #volume: Volume;
  #committed: () => void;
  #users: UserState[] = [];
  #seqs: number[] = [];
  #values: Buffer[] = [];

  constructor(volume: Volume, committed: () => void) {
    this.#volume = volume;
    this.#committed = committed;
  }

  /** `value`: the entry as the group has it. It stands in no index of conversations: the group keeps its own history. */
  append(batch: Batch, user: UserState, value: Buffer): void {
    const seq = ++user.head;
    const stored = appendInCopy(this.#volume.sending.slab(), value, seq);
    batch.store.putEntry(user.shard, user.name, seq, null, stored);
    this.#users.push(user);
    this.#seqs.push(seq);
    this.#values.push(stored);
  }

  apply(): void {
    const { counters, delivery } = this.#volume;
    this.#committed();
    counters.received += this.#users.length;
    for (const [i, user] of this.#users.entries()) {
      const seq = this.#seqs[i]!;
      user.committed = seq;
      if (user.devices.length === 0) {
        user.coveredFrom = seq;
        counters.storedOffline++;
        if (user.pushDevices !== 0) this.#volume.notifier.consider(user);
        continue;
      }
      const frame = frameOf(this.#values[i]!);
      for (const device of user.devices) delivery.push(device, seq, frame);
    }
  }
}
