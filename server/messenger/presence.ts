/**
 * Who is online: asked for by name (pull), or watched (subscribe). It costs what is asked and watched, never what comes and goes:
 * the volume of a user knows which volumes watch him (presence-watched.ts), the volume of a device what it watches
 * (presence-views.ts). Nothing is stored; after a break on either side the watching volume says anew whom it watches.
 */
import { BUS } from '../bus/bus.ts';
import { encodeError, FrameWriter } from '../protocol/codec.ts';
import { ERRORS } from '../protocol/errors.ts';
import type { PresenceAction } from '../protocol/messages.ts';
import { logicalShard } from '../shard-map.ts';
import { PresenceQuestions } from './presence-questions.ts';
import { decodeStates, decodeWatch, encodeStates, encodeWatch, type States, WATCH } from './presence-record.ts';
import { PresenceViews, writeStates } from './presence-views.ts';
import { PresenceWatched } from './presence-watched.ts';
import type { Device, UserState } from './user-state.ts';
import type { Volume } from './volume.ts';

const UNKNOWN_AT_ONCE = 1_000;

export class Presence {
  #volume: Volume;
  #views = new PresenceViews();
  #watched: PresenceWatched;
  #questions: PresenceQuestions;
  /** Users whose watching begins or ends with this turn; a later change of the same turn replaces an earlier one. */
  #changes = new Map<string, boolean>();
  #asking = false;

  constructor(volume: Volume) {
    this.#volume = volume;
    this.#watched = new PresenceWatched({
      debounceMs: volume.options.settings.presenceDebounceMs,
      now: volume.options.now,
      isOnline: (user) => this.#isOnline(user),
      tell: (to, states) => this.#tell(to, states),
    });
    this.#questions = new PresenceQuestions(
      volume,
      (users) => this.#statesOf(users),
      (states) => this.#views.show(states),
    );
  }

  /** Subscriptions of this volume's devices. */
  get subscriptions(): number {
    return this.#views.subscriptions;
  }

  /** Users of this volume that some volume watches. */
  get watchedUsers(): number {
    return this.#watched.size;
  }

  /** A device asks who is online, or begins or ends to watch. */
  request(device: Device, action: PresenceAction, users: string[]): void {
    if (action === 'unsubscribe') {
      this.#watch(this.#views.unsubscribe(device, users), false);
      return;
    }
    if (action === 'subscribe') {
      if (this.#views.countWith(device, users) > this.#volume.options.settings.maxPresenceSubscriptions) {
        const w = new FrameWriter(256);
        encodeError(w, ERRORS.tooManySubscriptions.code, 0, 0, ERRORS.tooManySubscriptions.text);
        device.write(w.take());
        return;
      }
      this.#watch(this.#views.subscribe(device, users), true);
      // The other side must know that it is watched before it is asked, so that no change falls between the two.
      this.#sendChanges();
    }
    void this.pull(users).then((states) => writeStates(device, this.#views.answerTo(device, states)));
  }

  /** The state of each of these users, in this order; `unknown` where his shard does not answer. Never rejects. */
  pull(users: string[]): Promise<States> {
    return this.#questions.pull(users);
  }

  /** The user's first device has come. */
  cameOnline(user: UserState): void {
    this.#watched.changed(user.name);
  }

  /** The user's last device has gone. */
  wentOffline(user: UserState): void {
    this.#watched.changed(user.name);
  }

  /** A message to a user of this volume found no device of his. */
  foundOffline(user: string): void {
    this.#watched.foundOffline(user);
  }

  /** A device is gone: what it watched is forgotten. */
  deviceLeft(device: Device): void {
    this.#watch(this.#views.forget(device), false);
  }

  /** A bus message of one of the presence kinds. */
  onBusMessage(from: number, kind: number, payload: Buffer): void {
    if (kind === BUS.presenceWatch) {
      const { what, names } = decodeWatch(payload);
      if (what === WATCH.add) this.#watched.add(from, names);
      else if (what === WATCH.remove) this.#watched.remove(from, names);
      else this.#watched.replace(from, names);
    } else if (kind === BUS.presenceState) this.#views.show(decodeStates(payload));
    else if (kind === BUS.presencePull) this.#questions.answer(from, payload);
    else this.#questions.answered(from, payload);
  }

  /** The link to a volume is up (again): it learns whom this one watches there, and what has become of those it watches here. */
  onBusUp(to: number): void {
    if (to === this.#volume.id) return;
    const names = [...this.#views.users()].filter((user) => this.#volumeOf(user) === to);
    this.#volume.bus.send(this.#volume.id, to, BUS.presenceWatch, encodeWatch(WATCH.replace, names));
    this.#watched.linkUp(to);
  }

  /** Once a second: whoever is watched and unknown is asked for again. */
  housekeeping(): void {
    if (this.#views.unknown.size === 0 || this.#asking) return;
    this.#asking = true;
    void this.pull([...this.#views.unknown].slice(0, UNKNOWN_AT_ONCE)).then(() => {
      this.#asking = false;
    });
  }

  close(): void {
    this.#watched.close();
    this.#questions.close();
  }

  #watch(users: string[], begins: boolean): void {
    if (users.length === 0) return;
    if (this.#changes.size === 0) queueMicrotask(() => this.#sendChanges());
    for (const user of users) this.#changes.set(user, begins);
  }

  /** One message a volume, however many devices have come and gone. */
  #sendChanges(): void {
    if (this.#changes.size === 0) return;
    const byVolume = new Map<number, { add: string[]; remove: string[] }>();
    for (const [user, begins] of this.#changes) {
      const to = this.#volumeOf(user);
      const names = byVolume.get(to) ?? { add: [], remove: [] };
      (begins ? names.add : names.remove).push(user);
      byVolume.set(to, names);
    }
    this.#changes.clear();
    for (const [to, { add, remove }] of byVolume) {
      if (to === this.#volume.id) {
        this.#watched.add(to, add);
        this.#watched.remove(to, remove);
        continue;
      }
      const { bus, id } = this.#volume;
      if (add.length > 0) bus.send(id, to, BUS.presenceWatch, encodeWatch(WATCH.add, add));
      if (remove.length > 0) bus.send(id, to, BUS.presenceWatch, encodeWatch(WATCH.remove, remove));
    }
  }

  #tell(to: number, states: States): void {
    this.#volume.counters.presenceTold += states.length;
    if (to === this.#volume.id) this.#views.show(states);
    else this.#volume.bus.send(this.#volume.id, to, BUS.presenceState, encodeStates(states));
  }

  #statesOf(users: string[]): States {
    this.#watched.answered(users);
    return users.map((user) => ({ user, state: this.#isOnline(user) ? 'online' : 'offline' }));
  }

  #isOnline(user: string): boolean {
    return (this.#volume.users.peek(user)?.devices.length ?? 0) > 0;
  }

  #volumeOf(user: string): number {
    return this.#volume.table[logicalShard(user)]!;
  }
}
