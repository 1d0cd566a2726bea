/**
 * What must hold of presence once everything has come to rest: whoever watches somebody was told last what is true, although
 * volumes died and links broke meanwhile. `unknown` may only have been told of those who could not be asked.
 */
import type { ChatSimulation } from './chat-simulation.ts';
import type { SimulatedClient } from './simulated-client.ts';
import type { SimulatedConnection } from './simulated-connection.ts';

/** More than a pause and the time that a question may take. */
const REST_MS = 10_000;

export class Watchers {
  #watching = new Map<SimulatedConnection, Set<string>>();

  watch(client: SimulatedClient, user: string): void {
    if (!client.connected) return;
    const connection = client.connection!;
    const watched = this.#watching.get(connection) ?? new Set();
    this.#watching.set(connection, watched.add(user));
    connection.presence('subscribe', [user]);
  }

  /** Lets the users of `leaving` go, and looks what the others were told. */
  async check(chat: ChatSimulation, clients: SimulatedClient[], leaving: string[]): Promise<string[]> {
    for (const client of clients) if (leaving.includes(client.user)) client.disconnect();
    await chat.pass(REST_MS);
    const problems: string[] = [];
    for (const [connection, watched] of this.#watching) {
      if (connection.closed) continue;
      for (const user of watched) {
        const truth = leaving.includes(user) ? 'offline' : 'online';
        const last = connection
          .of('presence')
          .flatMap(({ users }) => users)
          .findLast((item) => item.user === user);
        if (last?.state !== truth)
          problems.push(`${connection.name}: was told that ${user} is ${last?.state}, who is ${truth}`);
      }
    }
    return problems;
  }
}
