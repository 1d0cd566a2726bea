/** The users of the crash test: who writes to whom, how often, and how they come to rest. */
import { WebSocketClient } from '../../loadgen/drivers/websocket-client.ts';
import type { Random } from '../../loadgen/random.ts';
import { encodeGroup } from '../../server/protocol/codec.ts';
import { CrashDevice } from './crash-device.ts';
import { type CrashMessage, CrashRecord, CrashUser } from './crash-record.ts';

export interface CrashCrowdOptions {
  users: number;
  /** Names begin with it. */
  prefix: string;
  messagesPerSecond: number;
  /** Whether devices lose their network now and then. */
  drops: boolean;
  router: () => string;
  random: Random;
}

const TICK_MS = 10;
/** A device that waits for so many answers sends nothing new. */
const UNANSWERED_MOST = 24;
const BODY_BYTES = 100;
const CONNECT_TIMEOUT_MS = 30_000;
/** Every so many ticks a device loses its network. */
const DROP_EVERY_TICKS = 60;

export class CrashCrowd {
  readonly record = new CrashRecord();
  readonly #options: CrashCrowdOptions;
  readonly #random: Random;
  readonly #devices: CrashDevice[] = [];
  readonly #client: WebSocketClient<CrashDevice>;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #ticks = 0;

  constructor(options: CrashCrowdOptions) {
    this.#options = options;
    this.#random = options.random;
    const masks = options.random.fork('masks');
    this.#client = new WebSocketClient<CrashDevice>(
      {
        open: () => {},
        message: (connection, data) => connection.context.onMessage(data),
        closed: (connection) => connection.context.onClosed(),
      },
      { nextMask: () => masks.integer(2 ** 32) },
    );
    for (let i = 0; i < options.users; i++) this.#addUser(i);
  }

  get acknowledged(): number {
    let count = 0;
    for (const user of this.record.users.values()) for (const { seq } of user.sent.values()) if (seq > 0) count++;
    return count;
  }

  get reconnects(): number {
    return this.#devices.reduce((sum, { connects }) => sum + connects - 1, 0);
  }

  /** Errors that were answered to sends, as text. */
  get refusals(): string {
    const counts = new Map<number, number>();
    for (const device of this.#devices)
      for (const [code, count] of device.refusals) counts.set(code, (counts.get(code) ?? 0) + count);
    return [...counts].map(([code, count]) => `${count} × ${code}`).join(', ') || 'none';
  }

  /** Connects everybody, makes the groups, and begins to send. */
  async start(): Promise<void> {
    for (const device of this.#devices) void device.connect();
    await until('all devices to connect', CONNECT_TIMEOUT_MS, () => this.#devices.every(({ welcomed }) => welcomed));
    await this.#makeGroups();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Sends nothing more; resolves when all is answered, received and told, or the time is over. */
  async calmDown(timeoutMs: number): Promise<void> {
    clearInterval(this.#timer);
    const nudging = setInterval(() => {
      for (const device of this.#devices) device.nudge();
    }, 500);
    const atRest = (): boolean =>
      this.#devices.every(
        (device) =>
          device.welcomed &&
          device.unanswered.size === 0 &&
          device.position >= device.user.seen.size &&
          device.position >= device.head,
      );
    try {
      // Twice, some time apart: what is under way between shards arrives without being asked for.
      await until('rest', timeoutMs, atRest);
      await pause(1_000);
      await until('rest', timeoutMs, atRest);
      await until('all messages to be called delivered', timeoutMs, async () => {
        if (this.#allDelivered()) return true;
        for (const device of this.#devices) device.ask();
        await pause(500);
        return this.#allDelivered();
      });
    } catch {
      // What did not come to rest is in the verdict, message by message.
    } finally {
      clearInterval(nudging);
    }
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    for (const device of this.#devices) device.end();
    await this.#client.close();
  }

  #addUser(index: number): void {
    const user = new CrashUser(`${this.#options.prefix}${index}`);
    this.record.users.set(user.name, user);
    // Every third user has two devices.
    for (let i = 0; i < (index % 3 === 0 ? 2 : 1); i++) {
      const number = this.#devices.length;
      this.#devices.push(
        new CrashDevice({
          record: this.record,
          user,
          number,
          client: this.#client,
          router: this.#options.router,
          random: this.#random.fork(`device ${number}`),
        }),
      );
    }
  }

  /** Three groups of different sizes. */
  async #makeGroups(): Promise<void> {
    const names = [...this.record.users.keys()];
    for (const [i, size] of [3, 8, names.length].entries()) {
      const members = this.#random.shuffle([...names]).slice(0, Math.min(size, names.length));
      const owner = this.#devices.find(({ user }) => user.name === members[0])!;
      const id = 1_000_000_000 + i;
      const group = `${this.#options.prefix}g${i}`;
      owner.expectGroupAnswer(id);
      owner.request((writer) => encodeGroup(writer, id, 'create', group, false, members.slice(1)));
      await until('a group', 10_000, () => owner.groupAnswers.has(id));
      const code = owner.groupAnswers.get(id)!;
      if (code !== 0) throw new Error(`the group of ${size} was refused with ${code}`);
      this.record.groups.set(group, members);
    }
  }

  #tick(): void {
    this.#ticks++;
    this.#due += (this.#options.messagesPerSecond * TICK_MS) / 1_000;
    for (; this.#due >= 1; this.#due--) this.#sendOne();
    if (this.#options.drops && this.#ticks % DROP_EVERY_TICKS === 0)
      this.#devices[this.#random.integer(this.#devices.length)]!.drop();
    if (this.#ticks % 50 === 0) for (const device of this.#devices) device.nudge();
  }

  #sendOne(): void {
    const random = this.#random;
    const device = this.#devices[random.integer(this.#devices.length)]!;
    if (device.unanswered.size >= UNANSWERED_MOST) return;
    const { user } = device;
    const names = [...this.record.users.keys()];
    const groups = [...this.record.groups].filter(([, members]) => members.includes(user.name)).map(([group]) => group);
    const toGroup = groups.length > 0 && random.integer(8) === 0;
    const to = toGroup ? groups[random.integer(groups.length)]! : names[random.integer(names.length)]!;
    const id = user.nextId();
    const body = `${device.number} ${id} `.padEnd(BODY_BYTES, 'x');
    const message: CrashMessage = {
      id,
      device: device.number,
      to,
      toGroup,
      body,
      seq: 0,
      firstSentOn: 0,
      sentAtMs: 0,
      refused: false,
    };
    user.sent.set(id, message);
    device.send(message);
  }

  #allDelivered(): boolean {
    for (const user of this.record.users.values())
      for (const [peer, list] of user.outgoing)
        if ((user.delivered.get(peer) ?? 0) < (list.at(-1)?.seq ?? 0)) return false;
    return true;
  }
}

async function until(what: string, timeoutMs: number, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await pause(20);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
