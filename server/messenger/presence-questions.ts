/** Who is online, asked of whichever volumes hold the users; `unknown` where no answer comes in time. */
import { BUS } from '../bus/bus.ts';
import { logicalShard } from '../shard-map.ts';
import { encodePull, encodePulled, namesOfPull, numberOf, type States, statesOfPulled } from './presence-record.ts';
import type { Volume } from './volume.ts';

const ANSWER_MS = 2_000;

interface Question {
  volume: number;
  users: string[];
  resolve: (states: States) => void;
  timer: NodeJS.Timeout;
}

export class PresenceQuestions {
  #volume: Volume;
  #stateOf: (users: string[]) => States;
  #heard: (states: States) => void;
  #open = new Map<number, Question>();
  #lastNumber: number;

  /**
   * `stateOf`: of users of this volume. `heard`: called with what a volume says (or that it says nothing), at once: what it
   * says afterwards is newer.
   */
  constructor(volume: Volume, stateOf: (users: string[]) => States, heard: (states: States) => void) {
    this.#volume = volume;
    this.#stateOf = stateOf;
    this.#heard = heard;
    // An answer to a question of an earlier life must not be taken for one of this: a time in µs is above those numbers.
    this.#lastNumber = (volume.options.now() * 1_000) % 2 ** 32;
  }

  /** In the order of the question. Never rejects. */
  async pull(users: string[]): Promise<States> {
    const byVolume = new Map<number, string[]>();
    for (const user of users) {
      const volume = this.#volume.table[logicalShard(user)]!;
      const asked = byVolume.get(volume) ?? [];
      asked.push(user);
      byVolume.set(volume, asked);
    }
    const answers = await Promise.all([...byVolume].map(([volume, asked]) => this.#ask(volume, asked)));
    const known = new Map(answers.flat().map(({ user, state }) => [user, state]));
    return users.map((user) => ({ user, state: known.get(user) ?? 'unknown' }));
  }

  /** A question of another volume. */
  answer(from: number, payload: Buffer): void {
    const states = this.#stateOf(namesOfPull(payload));
    this.#volume.bus.send(this.#volume.id, from, BUS.presencePulled, encodePulled(numberOf(payload), states));
  }

  answered(from: number, payload: Buffer): void {
    const question = this.#open.get(numberOf(payload));
    if (question?.volume === from) this.#settle(numberOf(payload), statesOfPulled(payload));
  }

  close(): void {
    for (const [number, { users }] of this.#open) this.#settle(number, unknown(users));
  }

  #ask(volume: number, users: string[]): Promise<States> {
    if (volume === this.#volume.id) return Promise.resolve(this.#hear(this.#stateOf(users)));
    if (!this.#volume.bus.isUp(volume)) return Promise.resolve(this.#hear(unknown(users)));
    this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    const number = this.#lastNumber;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(number, unknown(users)), ANSWER_MS);
      this.#open.set(number, { volume, users, resolve, timer });
      this.#volume.bus.send(this.#volume.id, volume, BUS.presencePull, encodePull(number, users));
    });
  }

  #settle(number: number, states: States): void {
    const { resolve, timer } = this.#open.get(number)!;
    clearTimeout(timer);
    this.#open.delete(number);
    resolve(this.#hear(states));
  }

  #hear(states: States): States {
    this.#heard(states);
    return states;
  }
}

function unknown(users: string[]): States {
  return users.map((user) => ({ user, state: 'unknown' }));
}
