/**
 * What one connection has sent to users and not yet heard the end of: turns `sent` (by id) and receipts (by peer and sequence)
 * into the ids of messages that are delivered, or stored for somebody who is away. Short lists; empty while idle.
 */

interface UnsettledSend {
  id: number;
  peer: string;
  /** Place in the sender's timeline; 0 before `sent`. */
  seq: number;
  /** The highest receipts for this peer that came before `sent`. */
  deliveredUpTo: number;
  storedUpTo: number;
}

export class UnsettledSends {
  readonly #list: UnsettledSend[] = [];
  /** Those of which it is known that they wait for their recipient: out of the way of the others, for that may take long. */
  #stored: UnsettledSend[] | undefined;
  #highestId = 0;

  get size(): number {
    return this.#list.length + (this.#stored?.length ?? 0);
  }

  /** A message leaves. A repeat of one that is still unsettled counts once. */
  add(id: number, peer: string): void {
    const has = (list: UnsettledSend[] | undefined) => list?.some((send) => send.id === id) === true;
    if (id > this.#highestId) this.#highestId = id;
    else if (has(this.#list) || has(this.#stored)) return;
    this.#list.push({ id, peer, seq: 0, deliveredUpTo: 0, storedUpTo: 0 });
  }

  /**
   * `sent` arrived. What a receipt had already said of the message: if it is delivered, it is settled with this; `waiting`:
   * nothing so far. Null: nothing is known of such a send.
   */
  acknowledged(id: number, seq: number): 'delivered' | 'stored' | 'waiting' | null {
    const index = this.#list.findIndex((send) => send.id === id);
    if (index < 0) return null;
    const send = this.#list[index]!;
    send.seq = seq;
    if (send.deliveredUpTo < seq && send.storedUpTo < seq) return 'waiting';
    this.#list.splice(index, 1);
    if (send.deliveredUpTo >= seq) return 'delivered';
    this.#keepStored(send);
    return 'stored';
  }

  /** The send failed: nothing more will be heard of it. */
  failed(id: number): void {
    const index = this.#list.findIndex((send) => send.id === id);
    if (index >= 0) this.#list.splice(index, 1);
  }

  /** A `delivered` receipt arrived: settles and returns the ids that it covers, in the order of sending. */
  delivered(peer: string, upTo: number): number[] {
    const settled: number[] = [];
    if (this.#stored !== undefined) {
      takeCovered(this.#stored, peer, upTo, (send) => settled.push(send.id));
      if (this.#stored.length === 0) this.#stored = undefined;
    }
    takeCovered(this.#list, peer, upTo, (send) => settled.push(send.id));
    for (const send of this.#list)
      if (send.peer === peer && send.seq === 0) send.deliveredUpTo = Math.max(send.deliveredUpTo, upTo);
    return settled;
  }

  /** A `stored` receipt arrived: returns the ids that it is news for, in the order of sending. They stay unsettled. */
  stored(peer: string, upTo: number): number[] {
    const news: number[] = [];
    takeCovered(this.#list, peer, upTo, (send) => {
      news.push(send.id);
      this.#keepStored(send);
    });
    for (const send of this.#list)
      if (send.peer === peer && send.seq === 0) send.storedUpTo = Math.max(send.storedUpTo, upTo);
    return news;
  }

  /** Forget what was not acknowledged: it will be sent again, or never. */
  forgetUnacknowledged(): void {
    this.#list.splice(0, this.#list.length, ...this.#list.filter(({ seq }) => seq !== 0));
  }

  /** To whom these were sent, or those of them with these ids; each once. */
  peersOf(ids?: number[]): string[] {
    const sends = [...(this.#stored ?? []), ...this.#list].filter(({ id }) => ids?.includes(id) ?? true);
    return [...new Set(sends.map(({ peer }) => peer))];
  }

  #keepStored(send: UnsettledSend): void {
    this.#stored ??= [];
    this.#stored.push(send);
  }
}

/** Remove from the list, and hand over, what a receipt covers. */
function takeCovered(list: UnsettledSend[], peer: string, upTo: number, take: (send: UnsettledSend) => void): void {
  let kept = 0;
  for (const send of list) {
    if (send.peer === peer && send.seq !== 0 && send.seq <= upTo) take(send);
    else list[kept++] = send;
  }
  list.length = kept;
}
