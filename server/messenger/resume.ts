/**
 * A device that connects gets what it missed: its position is known, the store has the suffix, and it is streamed in
 * pieces that wait for the network. Once it has caught up it is `live` and gets pushes. A device is never skipped: what
 * was committed meanwhile is read in the next piece.
 */
import { frameOf } from './entry.ts';
import type { Device } from './user-state.ts';
import type { Volume } from './volume.ts';

const PIECE_ENTRIES = 200;
/** Above this many bytes not yet taken by the network, the next piece waits for a drain. */
const BACKLOG_BYTES = 64 * 1024;

export class Resume {
  #volume: Volume;
  /** Devices whose next piece waits for a drain. */
  #paused = new WeakSet<Device>();
  #feeding = new WeakSet<Device>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Stream entries after `device.pushed` until it has caught up. */
  feed(device: Device): void {
    if (this.#feeding.has(device)) return;
    if (device.pushed >= device.user.committed) {
      device.live = !device.closed;
      return;
    }
    this.#feeding.add(device);
    void this.#feedPieces(device).finally(() => this.#feeding.delete(device));
  }

  /** The network has taken what was written: go on. */
  drained(device: Device): void {
    if (this.#paused.delete(device)) this.feed(device);
  }

  async #feedPieces(device: Device): Promise<void> {
    const { user } = device;
    while (!device.closed) {
      if (device.pushed >= user.committed) {
        device.live = true;
        return;
      }
      if (device.backlogBytes() > BACKLOG_BYTES) {
        this.#paused.add(device);
        return;
      }
      let entries: Awaited<ReturnType<Volume['store']['timeline']>>;
      try {
        entries = await this.#volume.store.timeline(user.shard, user.name, {
          after: device.pushed,
          before: user.committed + 1,
          limit: PIECE_ENTRIES,
        });
      } catch (error) {
        this.#volume.options.log(`volume ${this.#volume.id}: can't read a timeline: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, 500));
        continue;
      }
      if (device.closed) return;
      for (const { seq, value } of entries) {
        device.pushed = seq;
        device.write(frameOf(value));
      }
    }
  }
}
