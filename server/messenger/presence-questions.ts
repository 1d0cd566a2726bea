/** Who is online, asked of whichever volumes hold the users; `unknown` where no answer comes in time. */
import { BUS } from '../bus/bus.ts';
import { logicalShard } from '../shard-map.ts';
import { encodePull, encodePulled, namesOfPull, numberOf, type States, statesOfPulled } from './presence-record.ts';
import type { Volume } from './volume.ts';

const ANSWER_MS = 2_000;

interface Question {
  volume: number;
  resolve: (states: States | null) => void;
  timer: NodeJS.Timeout;
}

export class PresenceQuestions {
  #volume: Volume;
  #stateOf: (users: string[]) => States;
  #open = new Map<number, Question>();
  #lastNumber = 0;

  /** `stateOf`: of users of this volume. */
  constructor(volume: Volume, stateOf: (users: string[]) => States) {
    this.#volume = volume;
    this.#stateOf = stateOf;
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
    const known = new Map(answers.flatMap((states) => states ?? []).map(({ user, state }) => [user, state]));
    return users.map((user) => ({ user, state: known.get(user) ?? 'unknown' }));
  }

  /** A question of another volume. */
  answer(from: number, payload: Buffer): void {
    const states = this.#stateOf(namesOfPull(payload));
    this.#volume.bus.send(this.#volume.id, from, BUS.presencePulled, encodePulled(numberOf(payload), states));
  }

  answered(from: number, payload: Buffer): void {
    const question = this.#open.get(numberOf(payload));
    if (question?.volume === from) this.#settle(numberOf(payload), question, statesOfPulled(payload));
  }

  close(): void {
    for (const [number, question] of this.#open) this.#settle(number, question, null);
  }

  #ask(volume: number, users: string[]): Promise<States | null> {
    if (volume === this.#volume.id) return Promise.resolve(this.#stateOf(users));
    if (!this.#volume.bus.isUp(volume)) return Promise.resolve(null);
    this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    const number = this.#lastNumber;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(number, question, null), ANSWER_MS);
      const question = { volume, resolve, timer };
      this.#open.set(number, question);
      this.#volume.bus.send(this.#volume.id, volume, BUS.presencePull, encodePull(number, users));
    });
  }

  #settle(number: number, { resolve, timer }: Question, states: States | null): void {
    clearTimeout(timer);
    this.#open.delete(number);
    resolve(states);
  }
}
