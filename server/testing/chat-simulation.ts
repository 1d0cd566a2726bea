/**
 * Volumes, their stores and the bus between them in one thread and without sockets: a test connects devices, kills and
 * restarts volumes, cuts links, and lets time pass. With a seed, every operation takes a random number of turns of the
 * event loop, so that histories interleave differently and each can be replayed.
 */
import { type ChosenSettings, settingsOf } from '../config.ts';
import { Volume } from '../messenger/volume.ts';
import { NO_PROVIDERS, type NotificationProviders } from '../notifications/provider.ts';
import { logicalShard, volumeTable } from '../shard-map.ts';
import type { DeadLetterLog } from '../store/dead-letters.ts';
import type { StoredEntry } from '../store/message-store.ts';
import { SimulatedConnection } from './simulated-connection.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { type StoreLife, StoreShelf } from './store-shelf.ts';

export interface ChatSimulationOptions {
  volumes: number;
  /** Random numbers 0 ≤ x < 1 that decide how many turns an operation takes; without them each takes one. */
  random?: () => number;
  /** Let fake timers pass. */
  advanceTimers: (ms: number) => void;
  maxBodyBytes?: number;
  outboxMemoryBytes?: number;
  settings?: ChosenSettings;
  /** Where notifications are handed to; default: nowhere. */
  providers?: NotificationProviders;
  /** The dead-letter log of a volume's new life; default: none. */
  deadLetters?: (volume: number) => Promise<DeadLetterLog>;
}

const MOST_TURNS = 4;
/** Timers pass in such steps, ms. */
const STEP_MS = 100;
const DRAIN_MS = 1_000;
/** Time stands still while a test sends. */
const NO_LIMIT = { perSecond: 0, burst: 0 };

export class ChatSimulation {
  readonly network: SimulatedNetwork;
  readonly shelves: StoreShelf[];
  readonly logs: string[] = [];
  readonly table: Uint16Array;
  #options: ChatSimulationOptions;
  #lives: Array<{ volume: Volume; store: StoreLife; connections: Set<SimulatedConnection>; end: () => void } | null>;
  #now = 1_700_000_000_000;
  #underWay = 0;

  constructor(options: ChatSimulationOptions) {
    this.#options = options;
    this.table = volumeTable(options.volumes);
    this.network = new SimulatedNetwork((task) => this.#later(task));
    this.shelves = Array.from({ length: options.volumes }, () => this.emptyShelf());
    this.#lives = this.shelves.map(() => null);
  }

  static async start(options: ChatSimulationOptions): Promise<ChatSimulation> {
    const simulation = new ChatSimulation(options);
    for (let id = 0; id < options.volumes; id++) await simulation.startVolume(id);
    await simulation.settle();
    return simulation;
  }

  emptyShelf(): StoreShelf {
    const coin = () => (this.#options.random?.() ?? 0) < 0.5;
    return new StoreShelf({ schedule: (task) => this.#later(task), coin });
  }

  volume(id: number): Volume {
    return this.#lives[id]!.volume;
  }

  volumeOf(user: string): number {
    return this.table[logicalShard(user)]!;
  }

  /** A user id that begins with `name` and lives on volume `volume`. */
  userOn(volume: number, name: string): string {
    for (let i = 0; ; i++) if (this.volumeOf(`${name}${i}`) === volume) return `${name}${i}`;
  }

  async startVolume(id: number): Promise<void> {
    const store = this.shelves[id]!.open();
    const bus = this.network.open(id, [id]);
    const volume = await Volume.open({
      id,
      store,
      deadLetters: (await this.#options.deadLetters?.(id)) ?? null,
      bus,
      table: this.table,
      maxBodyBytes: this.#options.maxBodyBytes ?? 4_096,
      outboxMemoryBytes: this.#options.outboxMemoryBytes ?? 1_048_576,
      settings: settingsOf({ userRate: NO_LIMIT, ...this.#options.settings }),
      providers: this.#options.providers ?? NO_PROVIDERS,
      random: this.#options.random ?? (() => 0.5),
      now: () => this.#now,
      log: (message) => this.logs.push(message),
    });
    const end = () => void bus.close();
    this.#lives[id] = { volume, store, connections: new Set(), end };
    bus.onMessage((from, to, kind, payload) => {
      if (to === id) volume.onBusMessage(from, kind, payload);
    });
    bus.onUp((to) => volume.onBusUp(to));
  }

  /** The process dies at once; its devices see a broken connection. */
  killVolume(id: number): void {
    const life = this.#lives[id];
    if (!life) return;
    this.#lives[id] = null;
    life.store.kill();
    life.end();
    for (const connection of life.connections) connection.closed = true;
    void life.volume.close(0);
  }

  async restartVolume(id: number): Promise<void> {
    this.killVolume(id);
    // Another life is at least a millisecond later.
    this.#now++;
    await this.startVolume(id);
  }

  /** The process ends in order and is started again: what is under way is committed if the store takes it in time. */
  async drainAndRestartVolume(id: number): Promise<void> {
    const life = this.#lives[id]!;
    for (const connection of life.connections) connection.disconnect();
    let closed = false;
    void life.volume.close(DRAIN_MS).then(() => {
      closed = true;
    });
    while (!closed) await this.pass(STEP_MS);
    await this.restartVolume(id);
  }

  /** Returns at once; the welcome is in the connection's frames once the user is loaded. */
  connect(user: string, after?: number): SimulatedConnection {
    const life = this.#lives[this.volumeOf(user)]!;
    const connection = new SimulatedConnection(life.volume, user, after);
    life.connections.add(connection);
    connection.open();
    return connection;
  }

  async timeline(user: string): Promise<StoredEntry[]> {
    const shard = logicalShard(user);
    const reading = this.volume(this.volumeOf(user)).store.timeline(shard, user, { limit: 1_000_000 });
    return reading;
  }

  /** Turns of the event loop. */
  async turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Until nothing is under way any more but timers. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 6; quiet++) {
      await this.turns(1);
      if (this.#underWay > 0) quiet = -1;
    }
  }

  /** Let `ms` pass, timers and all, and settle. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.#now += Math.min(left, STEP_MS);
      this.#options.advanceTimers(Math.min(left, STEP_MS));
      await this.turns(1);
    }
    await this.settle();
  }

  async stop(): Promise<void> {
    for (let id = 0; id < this.#lives.length; id++) this.killVolume(id);
    this.#options.advanceTimers(10_000);
    await this.turns(2);
  }

  #later(task: () => void): void {
    this.#underWay++;
    let left = Math.floor((this.#options.random?.() ?? 0) * MOST_TURNS);
    const step = () => {
      if (left-- > 0) setImmediate(step);
      else {
        this.#underWay--;
        task();
      }
    };
    setImmediate(step);
  }
}
