/**
 * What must hold of timelines that are trimmed, once everything has come to rest: what is kept has no gap and is what devices
 * saw; nothing is removed that need not be; nothing ever stood twice; and what was acknowledged is there, unless it was trimmed.
 */
import { frameOf } from '../messenger/entry.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import type { ChatSimulation } from './chat-simulation.ts';
import { entryText, type Observations, type SimulatedClient } from './simulated-client.ts';

type Entry = Parameters<typeof entryText>[0];

export async function checkTrimmed(
  chat: ChatSimulation,
  clients: SimulatedClient[],
  users: string[],
  seen: Observations,
  keep: number,
): Promise<string[]> {
  const problems: string[] = [];
  for (const user of users) {
    const entries = await chat.timeline(user);
    const trimmed = (entries[0]?.seq ?? 1) - 1;
    const head = entries.at(-1)?.seq ?? 0;
    if (trimmed > 0 && entries.length < keep) problems.push(`${user}: ${entries.length} of ${head} entries are left`);
    // As places were ever seen, and as they are.
    const places = new Map(seen.entries.get(user));
    for (const [i, { seq, value }] of entries.entries()) {
      if (seq !== trimmed + i + 1) problems.push(`${user}: place ${trimmed + i + 1} of the timeline has seq ${seq}`);
      const text = entryText(JSON.parse(jsonFromServerFrames(frameOf(value))[0]!) as Entry);
      if ((places.get(seq) ?? text) !== text)
        problems.push(`${user}: place ${seq} was ${places.get(seq)} and is ${text}`);
      places.set(seq, text);
    }
    const byText = new Map<string, number>();
    for (const [seq, text] of places) {
      if (byText.has(text)) problems.push(`${user}: ${text} stands at ${byText.get(text)} and at ${seq}`);
      byText.set(text, seq);
    }
    for (const client of clients) {
      if (client.user === user && client.position !== head)
        problems.push(`${user}: position ${client.position}, head ${head}`);
      for (const { id, to, toGroup, body, seq } of client.sent) {
        if (toGroup || to !== user || seq === undefined || trimmed > 0) continue;
        const text = entryText({ direction: 'in', peer: client.user, id, body });
        if (!byText.has(text)) problems.push(`${user}: message ${id} of ${client.user} is not there`);
      }
    }
  }
  for (const client of clients)
    for (const { id } of client.open) problems.push(`${client.user}: send ${id} was never answered`);
  return problems;
}
