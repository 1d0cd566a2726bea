/**
 * What a polling device is told beside its timeline: receipts, changes of groups, who is online. None of it is repeated by a
 * resume, so it is kept from one poll to the next, the newest of its kind only, and a bounded number of it.
 */
import type { ServerTwin } from '../protocol/codec-json.ts';

const MOST = 1_024;

export class PollNews {
  /** By what it is about; in the order of the first news of each. */
  #latest = new Map<string, ServerTwin>();

  get size(): number {
    return this.#latest.size;
  }

  /** Frames of other types are not news, and are left out. */
  add(frame: ServerTwin): void {
    if (frame.type === 'receipt') this.#addReceipt(frame);
    else if (frame.type === 'group' && frame.id === 0) this.#keep(`group ${frame.group}`, frame);
    else if (frame.type === 'presence') {
      for (const state of frame.users as Array<{ user: string }>) {
        this.#keep(`presence ${state.user}`, { type: 'presence', users: [state] });
      }
    }
  }

  /** All of it, oldest first; it is kept no longer. */
  take(): ServerTwin[] {
    const frames = [...this.#latest.values()];
    this.#latest.clear();
    return frames;
  }

  #addReceipt(frame: ServerTwin): void {
    const key = `${frame.state} ${frame.peer}`;
    const earlier = this.#latest.get(key);
    // Cumulative: a lower one is no news.
    if (earlier === undefined || (frame.upTo as number) > (earlier.upTo as number)) this.#keep(key, frame);
  }

  #keep(key: string, frame: ServerTwin): void {
    this.#latest.set(key, frame);
    if (this.#latest.size <= MOST) return;
    for (const oldest of this.#latest.keys()) {
      this.#latest.delete(oldest);
      return;
    }
  }
}
