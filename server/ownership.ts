/**
 * Which process has which volume, as intended (`table`) and as known (holders). Pure: it gives no orders, it says which are
 * due. What it keeps whatever happens: a volume has one holder at most, the only process that may have its store open, and
 * none is named before the one before is certain to have it closed, by its word (`released`, `notOpened`) or its death.
 */
import { assign, rebalance } from './shard-map.ts';

export interface Orders {
  adopt: Array<{ process: number; volume: number }>;
  release: Array<{ process: number; volume: number }>;
}

interface Place {
  /** The process that has its store open, or may have; null: certainly nobody. */
  holder: number | null;
  /** The holder has said that it serves it. */
  serving: boolean;
  /** Attempts to open it that have failed in a row, and what the last one said. */
  failures: number;
  problem: string;
  /** It failed and is not to be tried before `retry`. */
  pausing: boolean;
}

export class Ownership {
  /** Intended process of each volume. */
  table: number[];
  #places: Place[];

  constructor(volumes: number, processes: number) {
    const all = Array.from({ length: processes }, (_, process) => process);
    this.table = assign(volumes, all);
    this.#places = this.table.map(() => ({ holder: null, serving: false, failures: 0, problem: '', pausing: false }));
  }

  /** A process is about to start: the volumes that it is to open at once. They are its own from now on. */
  starting(process: number): number[] {
    const volumes = this.#volumes((place, volume) => this.table[volume] === process && place.holder === null);
    for (const volume of volumes) this.#hold(volume, process);
    return volumes;
  }

  /** A process serves a volume that it was told to open. */
  opened(process: number, volume: number): void {
    const place = this.#places[volume]!;
    if (place.holder !== process) return;
    place.serving = true;
    place.failures = 0;
    place.problem = '';
  }

  /** A process could not open a volume. Returns whether that is news, and how often it has failed in a row. */
  notOpened(process: number, volume: number, problem: string): { news: boolean; failures: number } {
    const place = this.#places[volume]!;
    if (place.holder === process) place.holder = null;
    place.serving = false;
    place.pausing = true;
    const news = place.problem !== problem;
    place.problem = problem;
    return { news, failures: ++place.failures };
  }

  /** The pause after `notOpened` is over. */
  retry(volume: number): void {
    this.#places[volume]!.pausing = false;
  }

  released(process: number, volume: number): void {
    const place = this.#places[volume]!;
    if (place.holder === process) place.holder = null;
  }

  /** A process is dead: it holds nothing any more. */
  ended(process: number): void {
    for (const place of this.#places) {
      if (place.holder !== process) continue;
      place.holder = null;
      place.serving = false;
    }
  }

  /** Share all volumes among these processes, moving as few as possible. Returns those that get another one. */
  share(processes: readonly number[]): number[] {
    const before = this.table;
    this.table = rebalance(before, processes);
    const moved = this.#volumes((_, volume) => before[volume] !== this.table[volume]);
    for (const volume of moved) this.#places[volume]!.pausing = false;
    return moved;
  }

  /** What is to be told to the processes that are up, for the table to become true. Counted as told. */
  orders(isUp: (process: number) => boolean): Orders {
    const orders: Orders = { adopt: [], release: [] };
    for (const [volume, place] of this.#places.entries()) {
      const process = this.table[volume]!;
      // The new one must be there before the old one lets go.
      if (!isUp(process)) continue;
      if (place.holder === null && !place.pausing) {
        this.#hold(volume, process);
        orders.adopt.push({ process, volume });
      } else if (place.holder !== null && place.holder !== process && place.serving) {
        place.serving = false;
        orders.release.push({ process: place.holder, volume });
      }
    }
    return orders;
  }

  /** Per volume the process that serves it; −1: none now. */
  serving(): number[] {
    return this.#places.map((_, volume) => this.ownerOf(volume) ?? -1);
  }

  /** The process that serves a volume, or null. */
  ownerOf(volume: number): number | null {
    const { holder, serving } = this.#places[volume]!;
    return serving ? holder : null;
  }

  servedBy(process: number): number[] {
    return this.#volumes((place) => place.serving && place.holder === process);
  }

  withoutOwner(): number[] {
    return this.#volumes((place) => !place.serving);
  }

  /** Every volume is served by the process it is meant for, or can't be opened for the moment. */
  isSettled(): boolean {
    return this.#places.every(
      ({ holder, serving, pausing }, volume) => pausing || (serving && holder === this.table[volume]),
    );
  }

  #hold(volume: number, process: number): void {
    const place = this.#places[volume]!;
    place.holder = process;
    place.serving = false;
    place.pausing = false;
  }

  #volumes(matches: (place: Place, volume: number) => boolean): number[] {
    const volumes: number[] = [];
    for (const [volume, place] of this.#places.entries()) if (matches(place, volume)) volumes.push(volume);
    return volumes;
  }
}
