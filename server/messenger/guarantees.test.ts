/**
 * The guarantees of the messenger against random histories: sends, repeats, acknowledgements, broken connections and
 * links, deaths of volumes, in interleavings drawn from a seed. A failure prints the seed and the shortest history.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import { type Observations, SimulatedClient } from '../testing/simulated-client.ts';
import { idOf, isOut, peerOf, senderSeqOf } from './entry.ts';

const VOLUMES = 2;
const HISTORIES = 300;

type Step =
  | { do: 'send'; device: number; to: number; late: boolean }
  | { do: 'connect'; device: number; back: number }
  | { do: 'disconnect' | 'repeat' | 'ack'; device: number }
  | { do: 'read'; device: number; frames: number }
  | { do: 'restart'; volume: number }
  | { do: 'cut' | 'heal' | 'failWrites' | 'mend' }
  | { do: 'pass'; ms: number };

interface History {
  seed: number;
  steps: Array<{ step: Step; turns: number }>;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(() => {
  vi.useRealTimers();
});

it(`holds its guarantees in ${HISTORIES} random histories`, async () => {
  await fc.assert(
    fc.asyncProperty(histories(), async (history) => {
      expect(await problemsOf(history)).toEqual([]);
    }),
    { numRuns: HISTORIES, seed: Number(process.env.PLIMSOLL_TEST_SEED ?? 20_231_114) },
  );
}, 60_000);

function histories(): fc.Arbitrary<History> {
  const device = fc.nat(5);
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({ do: fc.constant('send' as const), device, to: fc.nat(3), late: fc.boolean() }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('connect' as const), device, back: fc.nat(3) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('disconnect', 'repeat', 'ack'), device }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('read' as const), device, frames: fc.nat(6) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const), volume: fc.nat(VOLUMES - 1) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut', 'heal', 'failWrites', 'mend') }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(100, 1_000, 3_000) }) },
  );
  return fc.record({
    seed: fc.nat(),
    steps: fc.array(fc.record({ step, turns: fc.nat(4) }), { maxLength: 60, size: 'max' }),
  });
}

/** Plays a history; returns every promise that was broken. */
async function problemsOf({ seed, steps }: History): Promise<string[]> {
  const chat = await ChatSimulation.start({
    volumes: VOLUMES,
    random: mulberry32(seed),
    advanceTimers: (ms) => vi.advanceTimersByTime(ms),
    outboxMemoryBytes: 400,
  });
  const users = [0, 1, 0, 1].map((volume, i) => chat.userOn(volume, `u${i}-`));
  const seen: Observations = { entries: new Map(), acknowledged: new Map(), problems: [] };
  // Two users with two devices, two with one.
  const clients = [0, 0, 1, 1, 2, 3].map((user) => new SimulatedClient(chat, users[user]!, seen));
  for (const client of clients) client.connect();
  const ids = { highest: 1_000, late: 1_000 };
  for (const { step, turns } of steps) {
    await play(chat, clients, users, ids, step);
    await chat.turns(turns);
  }
  await bringToRest(chat, clients);
  const problems = [...seen.problems, ...(await checkTimelines(chat, clients, users, seen))];
  await chat.stop();
  return problems;
}

async function play(
  chat: ChatSimulation,
  clients: SimulatedClient[],
  users: string[],
  ids: { highest: number; late: number },
  step: Step,
): Promise<void> {
  if (step.do === 'send') {
    // Now and then an id below the highest, as from a device with a slow clock.
    const id = step.late ? --ids.late : ++ids.highest;
    clients[step.device]!.send(id, users[step.to]!, `body ${id}`);
  } else if (step.do === 'connect') {
    const client = clients[step.device]!;
    client.connect(Math.max(0, client.position - step.back));
  } else if (step.do === 'disconnect') clients[step.device]!.disconnect();
  else if (step.do === 'repeat') clients[step.device]!.repeat();
  else if (step.do === 'ack') clients[step.device]!.ack();
  else if (step.do === 'read') clients[step.device]!.read(step.frames);
  else if (step.do === 'restart') await chat.restartVolume(step.volume);
  else if (step.do === 'cut') chat.network.cut(0, 1);
  else if (step.do === 'heal') chat.network.heal(0, 1);
  else if (step.do === 'pass') await chat.pass(step.ms);
  else for (const shelf of chat.shelves) shelf.failWrites = step.do === 'failWrites';
}

/** Everything works again, every client repeats until it has its answers, and reads and acknowledges what there is. */
async function bringToRest(chat: ChatSimulation, clients: SimulatedClient[]): Promise<void> {
  chat.network.heal(0, 1);
  for (const shelf of chat.shelves) shelf.failWrites = false;
  await chat.pass(3_000);
  for (const client of clients) {
    client.read();
    if (!client.connected) client.connect();
  }
  await chat.settle();
  for (const client of clients) client.repeat();
  await chat.settle();
  for (const client of clients) client.read();
  for (const client of clients) client.ack();
  await chat.settle();
  // What was delivered while the sender was away is not told again unasked.
  for (const client of clients) client.ask();
  await chat.settle();
  for (const client of clients) client.read();
}

async function checkTimelines(
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
      if (isOut(value)) return;
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
      const { id, to, seq, connection, answeredOnFirst } = message;
      if (seq === undefined) problems.push(`${client.user}: send ${id} was never answered`);
      const copies = timelines.get(to)!.filter(({ value }) => {
        return !isOut(value) && peerOf(value) === client.user && idOf(value) === id;
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

/** A small seeded generator of numbers 0 ≤ x < 1 (mulberry32). */
function mulberry32(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
