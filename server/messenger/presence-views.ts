/**
 * The watching side of presence: which devices of this volume watch whom, on whatever volume, and what they were shown. The
 * watched users' volumes only learn that this volume watches, not for how many devices.
 */
import { encodePresenceState, FrameWriter } from '../protocol/codec.ts';
import { LIMITS, type PresenceStateName } from '../protocol/messages.ts';
import type { States } from './presence-record.ts';
import type { Device } from './user-state.ts';

interface View {
  devices: Set<Device>;
  /** Those of them that wait for the answer to their subscription: they get the state with it, and no news before. */
  waiting: Set<Device>;
  /** What the others were shown last, and those who wait will be. */
  state: PresenceStateName | null;
}

export class PresenceViews {
  #views = new Map<string, View>();
  #watching = new Map<Device, Set<string>>();

  /** Subscriptions of all devices. */
  subscriptions = 0;
  /** Watched users of whom nothing is known: their volume did not answer. */
  readonly unknown = new Set<string>();

  /** How many users the device would watch with these. */
  countWith(device: Device, users: string[]): number {
    const own = this.#watching.get(device);
    if (own === undefined) return new Set(users).size;
    return new Set([...own, ...users]).size;
  }

  /** Returns those that no device of this volume watched before. */
  subscribe(device: Device, users: string[]): string[] {
    let own = this.#watching.get(device);
    if (own === undefined) {
      own = new Set();
      this.#watching.set(device, own);
    }
    const fresh: string[] = [];
    for (const user of users) {
      if (own.has(user)) continue;
      own.add(user);
      this.subscriptions++;
      const view = this.#views.get(user);
      if (view !== undefined) {
        view.devices.add(device);
        view.waiting.add(device);
        continue;
      }
      this.#views.set(user, { devices: new Set([device]), waiting: new Set([device]), state: null });
      fresh.push(user);
    }
    return fresh;
  }

  /** Returns those that no device of this volume watches any more. */
  unsubscribe(device: Device, users: Iterable<string>): string[] {
    const own = this.#watching.get(device);
    if (own === undefined) return [];
    const gone: string[] = [];
    for (const user of users) {
      if (!own.delete(user)) continue;
      this.subscriptions--;
      const view = this.#views.get(user)!;
      view.devices.delete(device);
      view.waiting.delete(device);
      if (view.devices.size > 0) continue;
      this.#views.delete(user);
      this.unknown.delete(user);
      gone.push(user);
    }
    if (own.size === 0) this.#watching.delete(device);
    return gone;
  }

  /** The device is gone; the same. */
  forget(device: Device): string[] {
    if (this.#watching.size === 0) return [];
    const own = this.#watching.get(device);
    return own === undefined ? [] : this.unsubscribe(device, [...own]);
  }

  /** All users that are watched. */
  users(): Iterable<string> {
    return this.#views.keys();
  }

  /**
   * What a device is answered to its question: of those who are watched what is known by now, for news may have overtaken
   * the answer.
   */
  answerTo(device: Device, states: States): States {
    return states.map((item) => {
      const view = this.#views.get(item.user);
      view?.waiting.delete(device);
      return { user: item.user, state: view?.state ?? item.state };
    });
  }

  /** What a volume says of users, asked or not: whoever watches them is shown what is new. */
  show(states: States): void {
    const news = new Map<Device, States>();
    for (const item of states) {
      const view = this.#views.get(item.user);
      if (view === undefined || view.state === item.state) continue;
      view.state = item.state;
      if (item.state === 'unknown') this.unknown.add(item.user);
      else this.unknown.delete(item.user);
      for (const device of view.devices) {
        if (view.waiting.has(device)) continue;
        const own = news.get(device) ?? [];
        own.push(item);
        news.set(device, own);
      }
    }
    for (const [device, own] of news) writeStates(device, own);
  }
}

/** As many frames as it takes. */
export function writeStates(device: Device, states: States): void {
  if (device.closed) return;
  const w = new FrameWriter(64 + states.length * 32);
  for (let at = 0; at < states.length || at === 0; at += LIMITS.namedUsers) {
    encodePresenceState(w, states.slice(at, at + LIMITS.namedUsers));
  }
  device.write(w.view());
}
