/** What must hold of the timelines once everything has come to rest, against what the clients sent and saw. */
import { groupOf, idOf, isOut, peerOf, senderSeqOf } from '../messenger/entry.ts';
import type { ChatSimulation } from './chat-simulation.ts';
import type { Observations, SimulatedClient } from './simulated-client.ts';

export async function checkTimelines(
  chat: ChatSimulation,
  clients: SimulatedClient[],
  users: string[],
  seen: Observations,
): Promise<string[]> {
  const problems: string[] = [];
  const timelines = new Map<string, Array<{ seq: number; value: Buffer }>>();
  for (const user of users) timelines.set(user, await chat.timeline(user));

  for (const [user, entries] of timelines) {
    entries.forEach(({ seq, value }, i) => {
      if (seq !== i + 1) problems.push(`${user}: place ${i + 1} of the timeline has seq ${seq}`);
      const peer = peerOf(value);
      if (isOut(value) || groupOf(value) !== '') return;
      const origin = timelines.get(peer)?.[senderSeqOf(value) - 1]?.value;
      if (!origin || !isOut(origin) || idOf(origin) !== idOf(value) || peerOf(origin) !== user) {
        problems.push(`${user}: seq ${seq} from ${peer} is not in the sender’s timeline`);
      }
    });
    const views = seen.entries.get(user)?.size ?? 0;
    if (views !== entries.length) problems.push(`${user}: devices saw ${views} of ${entries.length} entries`);
  }

  for (const client of clients) {
    const head = timelines.get(client.user)!.length;
    if (client.position !== head) problems.push(`${client.user}: position ${client.position}, head ${head}`);
    const places: Array<{ to: string; connection: number; place: number }> = [];
    for (const message of client.sent) {
      const { id, to, toGroup, seq, connection, answeredOnFirst } = message;
      if (toGroup) continue; // history-check-groups.ts
      if (seq === undefined) problems.push(`${client.user}: send ${id} was never answered`);
      const copies = timelines.get(to)!.filter(({ value }) => {
        return !isOut(value) && groupOf(value) === '' && peerOf(value) === client.user && idOf(value) === id;
      });
      if (copies.length !== 1) problems.push(`${client.user}: message ${id} is ${copies.length} times at ${to}`);
      else if (answeredOnFirst) places.push({ to, connection, place: copies[0]!.seq });
      if ((client.delivered.get(to) ?? 0) < seq!)
        problems.push(`${client.user}: message ${id} was not called delivered`);
    }
    for (const [i, later] of places.entries()) {
      const before = places
        .slice(0, i)
        .findLast(({ to, connection }) => to === later.to && connection === later.connection);
      if (before && before.place > later.place) {
        problems.push(`${client.user}: on connection ${later.connection}, order to ${later.to} was turned round`);
      }
    }
  }
  return problems;
}
