/**
 * What one connection has sent and not yet heard the end of: turns `sent` (by id) and receipts (by peer and sequence) into
 * the ids of delivered messages. Short lists; empty while idle.
 */

interface UnsettledSend {
  id: number;
  peer: string;
  /** Place in the sender's timeline; 0 before `sent`. */
  seq: number;
  /** The highest receipt for this peer that came before `sent`. */
  deliveredUpTo: number;
}

export class UnsettledSends {
  #list: UnsettledSend[] = [];
  #highestId = 0;

  get size(): number {
    return this.#list.length;
  }

  /** A message leaves. A repeat of one that is still unsettled counts once. */
  add(id: number, peer: string): void {
    if (id > this.#highestId) this.#highestId = id;
    else if (this.#list.some((send) => send.id === id)) return;
    this.#list.push({ id, peer, seq: 0, deliveredUpTo: 0 });
  }

  /** `sent` arrived. True when a receipt had already covered the message: it is settled with this. */
  acknowledged(id: number, seq: number): boolean {
    const index = this.#list.findIndex((send) => send.id === id);
    if (index < 0) return false;
    const send = this.#list[index]!;
    send.seq = seq;
    if (send.deliveredUpTo < seq) return false;
    this.#list.splice(index, 1);
    return true;
  }

  /** The send failed: nothing more will be heard of it. */
  failed(id: number): void {
    const index = this.#list.findIndex((send) => send.id === id);
    if (index >= 0) this.#list.splice(index, 1);
  }

  /** A `delivered` receipt arrived: settles and returns the ids that it covers, in the order of sending. */
  delivered(peer: string, upTo: number): number[] {
    const settled: number[] = [];
    const list = this.#list;
    let kept = 0;
    for (const send of list) {
      if (send.peer === peer && send.seq !== 0 && send.seq <= upTo) {
        settled.push(send.id);
        continue;
      }
      if (send.peer === peer && send.seq === 0) send.deliveredUpTo = Math.max(send.deliveredUpTo, upTo);
      list[kept++] = send;
    }
    list.length = kept;
    return settled;
  }
}
