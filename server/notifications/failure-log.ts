/** One line of the log for all failures of some time: a push service that is down fails for everybody at once. */
const EVERY_ROUNDS = 10;

export class FailureLog {
  #write: (line: string) => void;
  #count = 0;
  #last = '';
  #rounds = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  add(line: string): void {
    this.#count++;
    this.#last = line;
  }

  /** Once a second. */
  housekeeping(): void {
    if (++this.#rounds % EVERY_ROUNDS === 0) this.flush();
  }

  flush(): void {
    if (this.#count === 0) return;
    this.#write(
      this.#count === 1 ? this.#last : `${this.#last} (and ${this.#count - 1} more in the last ${EVERY_ROUNDS} s)`,
    );
    this.#count = 0;
  }
}
