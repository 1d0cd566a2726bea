/**
 * One direction of traffic to one other volume, at least once and in order: numbered records stay until the other side
 * confirms that it has committed them, and are repeated when a link comes up again.
 *
 * What waits in memory is bounded: beyond `memoryBytes` records are dropped from memory (they are in the store's outbox)
 * and read back when the link is up.
 */
export interface StreamRecord {
  number: number;
  value: Buffer;
}

interface WaitingRecord extends StreamRecord {
  /** Number of the record before it in this life; 0: there is none. */
  previous: number;
}

export interface OutboundStreamOptions {
  destination: number;
  /** Above every number that an earlier life of this process used; the first record gets the next one. */
  lastNumber: number;
  memoryBytes: number;
  /**
   * `previous`: the other side takes the record only if it has this one, so that none is left out when one before it was
   * dropped on the way. 0: all before it are confirmed.
   */
  transmit: (record: StreamRecord, previous: number) => void;
  /** Records above a number from the store, oldest first, some at a time; absent for streams that are not stored. */
  reload?: (after: number) => Promise<StreamRecord[]>;
}

export class OutboundStream {
  readonly destination: number;
  lastNumber: number;
  /** Everything up to here is confirmed. */
  confirmed: number;
  #options: OutboundStreamOptions;
  #waiting: WaitingRecord[] = [];
  #bytes = 0;
  /** Records above this number are only in the store. */
  #spilledAfter: number | null = null;
  #reloading = false;
  /** More was spilled while the store was being read: look again. */
  #reloadAgain = false;
  #unconfirmed = 0;
  /** Newest number that was ever in `#waiting`. */
  #newest = 0;
  /** The next record to be sent is the first that is not confirmed. */
  #fromTheFirst = false;

  constructor(options: OutboundStreamOptions) {
    this.#options = options;
    this.destination = options.destination;
    this.lastNumber = options.lastNumber;
    this.confirmed = options.lastNumber;
  }

  /** Unconfirmed records left by an earlier life of this process. */
  restore(records: StreamRecord[]): void {
    for (const record of records) this.#keep(record);
    this.#unconfirmed = records.length;
    if (records.length > 0) this.confirmed = records[0]!.number - 1;
  }

  /** Records numbered and not yet confirmed. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** Bytes of the records in memory. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  nextNumber(): number {
    this.#unconfirmed++;
    return ++this.lastNumber;
  }

  /** Send a record that is committed. */
  push(record: StreamRecord): void {
    if (record.number <= this.#newest) return; // a reload has found it in the store already
    if (
      this.#spilledAfter === null &&
      this.#options.reload &&
      this.#bytes + record.value.length > this.#options.memoryBytes
    ) {
      this.#spilledAfter = record.number - 1;
    }
    if (this.#spilledAfter !== null) {
      this.#drainSpilled();
      return;
    }
    this.#transmit(this.#keep(record));
  }

  /** The other side has committed everything up to `number`; returns the numbers that are now done. */
  confirm(number: number): number[] {
    const done: number[] = [];
    while (this.#waiting.length > 0 && this.#waiting[0]!.number <= number) {
      const record = this.#waiting.shift()!;
      this.#bytes -= record.value.length;
      done.push(record.number);
    }
    this.#unconfirmed -= done.length;
    if (number > this.confirmed) this.confirmed = Math.min(number, this.lastNumber);
    this.#drainSpilled();
    return done;
  }

  /** The link is up (again): repeat all that is not confirmed. */
  resend(): void {
    // Whatever the other side has forgotten: what it confirmed once is not missing.
    this.#fromTheFirst = true;
    for (const record of this.#waiting) this.#transmit(record);
    this.#drainSpilled();
  }

  #keep({ number, value }: StreamRecord): WaitingRecord {
    const waiting = { number, value, previous: this.#newest };
    this.#waiting.push(waiting);
    this.#bytes += value.length;
    this.#newest = number;
    return waiting;
  }

  #transmit(record: WaitingRecord): void {
    this.#options.transmit(record, this.#fromTheFirst ? 0 : record.previous);
    this.#fromTheFirst = false;
  }

  #drainSpilled(): void {
    const reload = this.#options.reload;
    if (this.#spilledAfter === null || !reload) return;
    if (this.#reloading) {
      this.#reloadAgain = true;
      return;
    }
    if (this.#bytes > this.#options.memoryBytes / 2) return;
    this.#reloading = true;
    this.#reloadAgain = false;
    reload(this.#spilledAfter).then(
      (records) => {
        this.#reloading = false;
        for (const record of records) {
          this.#spilledAfter = record.number;
          this.#transmit(this.#keep(record));
        }
        if (this.#spilledAfter === this.lastNumber) this.#spilledAfter = null;
        else if (records.length > 0 || this.#reloadAgain) this.#drainSpilled();
      },
      () => {
        this.#reloading = false; // the next confirmation or reconnect tries again
      },
    );
  }
}
