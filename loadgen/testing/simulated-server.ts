/**
 * A chat server without sockets, in virtual time, as a target driver: timelines that survive a session, acknowledgements and
 * deliveries after a latency, groups. For tests of the agent.
 */
import type { VirtualClock } from '../clock.ts';
import type {
  ConnectOptions,
  CreateDriver,
  DriverConnection,
  DriverEvents,
  TargetDriver,
} from '../drivers/target-driver.ts';

interface Entry {
  from: string;
  body: Buffer;
  group: string | undefined;
  id: number;
}

export class SimulatedServer {
  readonly latencyMs: number;
  /** Ever opened. */
  connects = 0;
  readonly watched: string[] = [];
  readonly groups = new Map<string, readonly string[]>();
  readonly connections = new Set<SimulatedConnection>();
  readonly #timelines = new Map<string, Entry[]>();
  readonly clock: VirtualClock;
  /** Of the newest driver. */
  events!: DriverEvents<unknown>;

  constructor(clock: VirtualClock, latencyMs = 5) {
    this.clock = clock;
    this.latencyMs = latencyMs;
  }

  get createDriver(): CreateDriver {
    return (<Context>(_options: unknown, events: DriverEvents<Context>): TargetDriver<Context> => {
      this.events = events as DriverEvents<unknown>;
      return {
        name: 'simulated',
        capabilities: {
          resume: true,
          acknowledges: true,
          receipts: true,
          idempotent: true,
          groups: true,
          presence: true,
        },
        prepare: async () => {},
        connect: async (options: ConnectOptions<Context>) =>
          this.#connect(options as ConnectOptions<unknown>, events as DriverEvents<unknown>),
        flush: () => {},
        close: async () => {},
      } as unknown as TargetDriver<Context>;
    }) as CreateDriver;
  }

  timeline(user: string): Entry[] {
    let timeline = this.#timelines.get(user);
    if (timeline === undefined) {
      timeline = [];
      this.#timelines.set(user, timeline);
    }
    return timeline;
  }

  send(
    from: SimulatedConnection,
    to: readonly string[],
    group: string | undefined,
    id: number,
    body: Uint8Array,
  ): void {
    const entry = { from: from.user, body: Buffer.from(body), group, id };
    this.clock.after(this.latencyMs, () => {
      for (const user of to) this.timeline(user).push(entry);
      if (this.connections.has(from)) from.events.sent(from, id);
      for (const connection of [...this.connections]) if (to.includes(connection.user)) this.push(connection);
    });
  }

  push(connection: SimulatedConnection): void {
    const timeline = this.timeline(connection.user);
    while (this.connections.has(connection) && connection.position < timeline.length) {
      const { from, body, group, id } = timeline[connection.position]!;
      connection.position++;
      connection.events.received(connection, from, body, group);
      for (const sender of this.connections) if (sender.user === from) sender.events.delivered(sender, id);
    }
  }

  async #connect(
    { user, device, context, after }: ConnectOptions<unknown>,
    events: DriverEvents<unknown>,
  ): Promise<DriverConnection<unknown>> {
    this.connects++;
    const connection = new SimulatedConnection(this, events, user, device, context);
    connection.position = after ?? 0;
    connection.head = this.timeline(user).length;
    this.connections.add(connection);
    this.clock.after(1, () => this.push(connection));
    return connection;
  }
}

export class SimulatedConnection implements DriverConnection<unknown> {
  readonly user: string;
  readonly device: string;
  context: unknown;
  /** Those of the driver that opened it: several agents may share the server. */
  readonly events: DriverEvents<unknown>;
  position = 0;
  head = 0;
  readonly #server: SimulatedServer;

  constructor(server: SimulatedServer, events: DriverEvents<unknown>, user: string, device: string, context: unknown) {
    this.#server = server;
    this.events = events;
    this.user = user;
    this.device = device;
    this.context = context;
  }

  send(to: string, id: number, body: Uint8Array): void {
    this.#server.send(this, [to], undefined, id, body);
  }

  sendGroup(group: string, id: number, body: Uint8Array): void {
    const members = this.#server.groups.get(group)!.filter((member) => member !== this.user);
    this.#server.send(this, members, group, id, body);
  }

  async createGroup(group: string, members: readonly string[]): Promise<void> {
    // Takes its time, as a store does, and an owner who leaves meanwhile has none.
    await new Promise((resolve) => setImmediate(resolve));
    if (!this.#server.connections.has(this)) throw new Error('the connection was lost');
    this.#server.groups.set(group, [this.user, ...members]);
  }

  watch(users: readonly string[]): void {
    this.#server.watched.push(`${this.user}: ${users.length}`);
  }

  setPaused(): void {}

  close(): void {
    this.#server.connections.delete(this);
  }
}
