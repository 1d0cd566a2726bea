/**
 * A device that connects gets what it missed: its position is known, the store has the suffix, and it is streamed in
 * pieces that wait for the network. Once it has caught up it is `live` and gets pushes. A device is never skipped: what
 * was committed meanwhile is read in the next piece, and when retention has removed what comes next, it is told by a reset.
 */
import { encodeReset, FrameWriter } from '../protocol/codec.ts';
import type { StoredEntry } from '../store/message-store.ts';
import { frameOf } from './entry.ts';
import type { Device } from './user-state.ts';
import type { Volume } from './volume.ts';

const PIECE_ENTRIES = { first: 50, most: 200 };
/** Nor more than this many bytes: less than a slow consumer's limit, even when JSON makes six of one. */
const PIECE_BYTES = 128 * 1024;
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
    let limit = PIECE_ENTRIES.first;
    while (!device.closed) {
      if (device.pushed >= user.committed) {
        device.live = true;
        return;
      }
      if (device.backlogBytes() > BACKLOG_BYTES) {
        this.#paused.add(device);
        return;
      }
      const { committed } = user;
      let entries: StoredEntry[];
      try {
        entries = await this.#volume.store.timeline(user.shard, user.name, {
          after: device.pushed,
          before: committed + 1,
          limit,
        });
      } catch (error) {
        if (this.#volume.closed) return;
        this.#volume.options.log(`volume ${this.#volume.id}: can't read a timeline: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, 500));
        continue;
      }
      if (device.closed) return;
      // Removed from the oldest on, so a gap can only be before the first.
      const position = (entries[0]?.seq ?? committed + 1) - 1;
      if (position > device.pushed) this.#reset(device, position);
      if (device.closed) return;
      limit = Math.max(1, Math.min(PIECE_ENTRIES.most, this.#writePiece(device, entries)));
      // What is written goes to the socket in a microtask that is queued by now: after it the backlog is known.
      await undefined;
    }
  }

  /** The entries up to `position` are gone: the device goes on behind them. */
  #reset(device: Device, position: number): void {
    device.pushed = position;
    for (const seq of device.sentAhead ?? []) if (seq <= position) device.sentAhead!.delete(seq);
    const writer = new FrameWriter(16);
    encodeReset(writer, position);
    device.write(writer.take());
  }

  /** Writes entries up to PIECE_BYTES, at least one; returns how many of the same size would fit. */
  #writePiece(device: Device, entries: StoredEntry[]): number {
    let bytes = 0;
    let count = 0;
    for (const { seq, value } of entries) {
      if (count > 0 && bytes + value.length > PIECE_BYTES) break;
      count++;
      bytes += value.length;
      device.pushed = seq;
      if (!device.sentAhead?.delete(seq)) device.write(frameOf(value));
    }
    return Math.floor((PIECE_BYTES * count) / Math.max(bytes, 1));
  }
}
