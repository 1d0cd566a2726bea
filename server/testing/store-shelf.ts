/**
 * A memory store that outlives those who use it, as a disk does: every `open` is a life of the process that owns it.
 * A test ends a life at any moment, makes reads or writes fail, and decides how long each operation takes.
 */
import { type MessageStore, type StoreBatch, StoreError } from '../store/message-store.ts';
import { openMemoryStore } from '../store/message-store-memory.ts';

export interface StoreShelfOptions {
  /** Decides when an operation is done. */
  schedule: (task: () => void) => void;
  /** Whether a write that fails, or that a death interrupts, is there all the same. */
  coin: () => boolean;
}

export interface StoreLife extends MessageStore {
  /** The process dies: nothing that it waits for ever comes. */
  kill(): void;
}

export class StoreShelf {
  failReads = false;
  failWrites = false;
  #hanging: Array<() => void> | null = null;
  #options: StoreShelfOptions;
  #disk = openMemoryStore();
  #lives = 0;

  constructor(options: StoreShelfOptions) {
    this.#options = options;
  }

  /** While true a write is neither done nor fails. */
  set hangWrites(hangs: boolean) {
    const hanging = this.#hanging ?? [];
    this.#hanging = hangs ? hanging : null;
    if (!hangs) for (const go of hanging) go();
  }

  open(): StoreLife {
    let dead = false;
    const underWay = new Set<StoreBatch>();
    const disk = this.#disk;
    const never = new Promise<never>(() => {});
    const pause = (): Promise<void> => new Promise((resolve) => this.#options.schedule(resolve));
    const read = async <T>(work: () => Promise<T>): Promise<T> => {
      if (dead) return never;
      await pause();
      if (dead) return never;
      if (this.failReads) throw new StoreError('failed', 'The store can not be read now.');
      return work();
    };
    const commit = async (batch: StoreBatch): Promise<void> => {
      if (dead) return never;
      underWay.add(batch);
      await pause();
      if (this.#hanging !== null) await new Promise<void>((resolve) => this.#hanging!.push(resolve));
      underWay.delete(batch);
      if (dead) return never;
      const fails = this.failWrites;
      if (!fails || this.#options.coin()) await disk.commit(batch);
      if (dead) return never;
      if (fails) throw new StoreError('full', 'The store can not be written now.');
    };
    return {
      persistent: true,
      createdEmpty: this.#lives++ === 0,
      batch: () => disk.batch(),
      commit,
      head: (shard, user) => read(() => disk.head(shard, user)),
      findClientId: (shard, user, id) => read(() => disk.findClientId(shard, user, id)),
      timeline: (shard, user, query) => read(() => disk.timeline(shard, user, query)),
      conversation: (shard, user, peer, query) => read(() => disk.conversation(shard, user, peer, query)),
      receipt: (shard, user, peer) => read(() => disk.receipt(shard, user, peer)),
      property: (shard, owner, kind, name) => read(() => disk.property(shard, owner, kind, name)),
      properties: (shard, owner, kind, query) => read(() => disk.properties(shard, owner, kind, query)),
      users: (after, limit) => read(() => disk.users(after, limit)),
      outbox: (destination, after, limit) => read(() => disk.outbox(destination, after, limit)),
      cursors: () => read(() => disk.cursors()),
      close: async () => {
        dead = true;
      },
      kill: () => {
        dead = true;
        // A write under way has reached the disk or never will: nothing is written after a death.
        for (const batch of underWay) if (this.#options.coin()) void disk.commit(batch);
      },
    };
  }
}
