/** Plays a history on simulated volumes, brings everything to rest, and says which promises were broken. */
import { ChatSimulation } from './chat-simulation.ts';
import { DEVICES_OF_USERS, GROUPS, type History, type Step, VOLUMES } from './history.ts';
import { checkTimelines } from './history-check.ts';
import { checkGroups } from './history-check-groups.ts';
import { Watchers } from './history-check-presence.ts';
import { checkTrimmed } from './history-check-trimmed.ts';
import { type Observations, SimulatedClient } from './simulated-client.ts';

/** Ids of requests about groups: none is that of a message. */
const GROUP_REQUESTS_FROM = 1_000_000;
const REPEATS_MOST = 10;

/** Returns every promise that was broken. */
export async function problemsOf(history: History, advanceTimers: (ms: number) => void): Promise<string[]> {
  const world = await HistoryWorld.start(history, advanceTimers);
  for (const { step, turns } of history.steps) {
    await world.play(step);
    await world.chat.turns(turns);
  }
  await world.bringToRest();
  const problems = [...world.seen.problems, ...(await world.check())];
  problems.push(...(await world.watchers.check(world.chat, world.clients, world.users.slice(2))));
  await world.chat.stop();
  return problems;
}

class HistoryWorld {
  readonly chat: ChatSimulation;
  readonly keep: number;
  readonly users: string[];
  readonly clients: SimulatedClient[];
  readonly groups: string[];
  readonly watchers = new Watchers();
  readonly seen: Observations = {
    entries: new Map(),
    acknowledged: new Map(),
    memberships: [],
    trims: false,
    clock: GROUP_REQUESTS_FROM,
    problems: [],
  };
  /** Ids are mostly above all earlier ones, now and then below, as from a device with a slow clock. */
  #highestId = 1_000;
  #lateId = 1_000;

  static async start({ seed, keep }: History, advanceTimers: (ms: number) => void): Promise<HistoryWorld> {
    const chat = await ChatSimulation.start({
      volumes: VOLUMES,
      random: mulberry32(seed),
      advanceTimers,
      outboxMemoryBytes: 400,
      // So that a message to a group is fanned out in several commits, and trouble with the store has all its consequences.
      settings: {
        fanoutPieceMembers: 1,
        commitGiveUpMs: 2_000,
        maxUncommittedBytes: 1_000,
        retention: { maxEntries: keep, maxAgeSeconds: 0 },
      },
    });
    return new HistoryWorld(chat, keep);
  }

  private constructor(chat: ChatSimulation, keep: number) {
    this.chat = chat;
    this.keep = keep;
    this.seen.trims = keep > 0;
    this.users = DEVICES_OF_USERS.map((_, i) => chat.userOn(i % VOLUMES, `u${i}-`));
    this.clients = DEVICES_OF_USERS.flatMap((count, i) =>
      Array.from({ length: count }, () => new SimulatedClient(chat, this.users[i]!, this.seen)),
    );
    this.groups = Array.from({ length: GROUPS }, (_, i) => chat.userOn(i % VOLUMES, `g${i}-`));
    for (const client of this.clients) client.connect();
  }

  async play(step: Step): Promise<void> {
    const { chat, clients, users } = this;
    if (step.do === 'send') {
      const id = this.#nextId(step.late);
      clients[step.device]!.send(id, users[step.to]!, `body ${id}`);
    } else if (step.do === 'sendGroup') {
      const id = this.#nextId(step.late);
      clients[step.device]!.send(id, this.groups[step.group]!, `body ${id}`, true);
    } else if (step.do === 'group') {
      clients[step.device]!.group(step.action, this.groups[step.group]!, users[step.user]!);
    } else if (step.do === 'watch') {
      this.watchers.watch(clients[step.device]!, users[step.user]!);
    } else if (step.do === 'connect') {
      const client = clients[step.device]!;
      client.connect(Math.max(0, client.position - step.back));
    } else if (step.do === 'disconnect') clients[step.device]!.disconnect();
    else if (step.do === 'repeat') clients[step.device]!.repeat();
    else if (step.do === 'ack') clients[step.device]!.ack();
    else if (step.do === 'read') clients[step.device]!.read(step.frames);
    else if (step.do === 'restart' || step.do === 'drain') await this.#restart(step.volume, step.do === 'drain');
    else if (step.do === 'stall' || step.do === 'flow') clients[step.device]!.stall(step.do === 'stall');
    else if (step.do === 'cut') chat.network.cut(0, 1);
    else if (step.do === 'heal') chat.network.heal(0, 1);
    else if (step.do === 'pass') await chat.pass(step.ms);
    else this.#store(step.do);
  }

  /** Everything works again, every client repeats until it has its answers, and reads and acknowledges what there is. */
  async bringToRest(): Promise<void> {
    const { chat, clients } = this;
    chat.network.heal(0, 1);
    this.#store('mend');
    await chat.pass(3_000);
    for (const client of clients) {
      client.read();
      if (client.connected) client.stall(false);
      else client.connect();
    }
    await chat.settle();
    // What is too much at once is refused, and has its turn a little later.
    for (let round = 0; round < REPEATS_MOST && clients.some((client) => client.open.length > 0); round++) {
      for (const client of clients) client.repeat();
      await chat.pass(1_000);
      for (const client of clients) client.read();
    }
    for (const client of clients) client.read();
    for (const client of clients) client.ack();
    await chat.settle();
    // What was delivered while the sender was away is not told again unasked.
    for (const client of clients) client.ask();
    await chat.settle();
    for (const client of clients) client.read();
  }

  async check(): Promise<string[]> {
    if (this.keep > 0) return checkTrimmed(this.chat, this.clients, this.users, this.seen, this.keep);
    const timelines = await checkTimelines(this.chat, this.clients, this.users, this.seen);
    const groups = await checkGroups(this.chat, this.clients, this.users, this.groups, this.seen);
    return [...timelines, ...groups];
  }

  #nextId(late: boolean): number {
    return late ? --this.#lateId : ++this.#highestId;
  }

  #store(what: 'failWrites' | 'failReads' | 'mend'): void {
    for (const shelf of this.chat.shelves) {
      if (what === 'mend') shelf.failWrites = shelf.failReads = false;
      else shelf[what] = true;
    }
  }

  /** A process that can't read its store ends and is started again until it can. */
  async #restart(volume: number, inOrder: boolean): Promise<void> {
    const shelf = this.chat.shelves[volume]!;
    const fails = shelf.failReads;
    shelf.failReads = false;
    if (inOrder) await this.chat.drainAndRestartVolume(volume);
    else await this.chat.restartVolume(volume);
    shelf.failReads = fails;
  }
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
