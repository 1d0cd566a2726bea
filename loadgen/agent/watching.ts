/** Whose presence a user watches: his contacts, anew on each connection, as a client does that shows who is online. */
import { contactsOf, userName } from '../population/partners.ts';
import { blockOf, type TrafficPlan } from '../population/plan.ts';
import type { VirtualUser } from './virtual-user.ts';

export class Watching {
  readonly wanted: boolean;
  #traffic: TrafficPlan;
  #seed: number;

  constructor(traffic: TrafficPlan, seed: number) {
    this.#traffic = traffic;
    this.#seed = seed;
    this.wanted = traffic.presenceContacts > 0;
  }

  watch(user: VirtualUser): void {
    if (!this.wanted) return;
    const { partners, presenceContacts } = this.#traffic;
    const block = blockOf(this.#traffic, user.index);
    const contacts = contactsOf(partners, user.index - block.first, block.users, this.#seed, presenceContacts);
    user.connection?.watch?.(contacts.map((contact) => userName(block.first + contact)));
  }
}
