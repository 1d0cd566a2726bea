/**
 * The load of the group fan-out: a process that holds all members of one group online, and sends to it at a constant rate, from
 * intended times. A message counts as arrived when its *last* receiver has it. Beside it, pairs of users write to each other,
 * so that it shows what the fan-out costs those who have nothing to do with the group. Started by `fork`, ends with its parent.
 */
import type { DriverConnection, TargetDriver } from '../loadgen/drivers/target-driver.ts';
import { createReferenceDriver } from '../loadgen/drivers/target-driver-reference.ts';
import { GroupOwner } from './group-owner.ts';

export interface GroupOptions {
  /** `ws://127.0.0.1:port` of the router. */
  target: string;
  /** Online members beside the owner, who sends. */
  members: number;
  messagesPerSecond: number;
  /** Pairs of other users, each of whom sends this often. */
  pairs: number;
  pairMessagesPerSecond: number;
  bodyBytes: number;
}

export type ToGroupClient =
  | { type: 'connect'; options: GroupOptions }
  | { type: 'measure'; seconds: number; withGroup: boolean };

export type FromGroupClient =
  | { type: 'connected' }
  | ({ type: 'measured' } & GroupMeasured)
  | { type: 'failed'; message: string };

/** Latencies in ms from the intended send; sorted. */
export interface GroupMeasured {
  /** Until the last member had the message, and until the first. */
  lastReceiverMs: number[];
  firstReceiverMs: number[];
  /** One-to-one messages between users outside the group, to the other user. */
  pairMs: number[];
  sent: number;
  /** Deliveries missing at the end, and more than one of the same. */
  lost: number;
  duplicated: number;
  reordered: number;
}

interface Member {
  name: string;
  /** Newest group message it has. */
  newest: number;
}

const CONNECT_AT_ONCE = 100;
const CONNECT_TIMEOUT_MS = 20_000;
const SETTLE_TIMEOUT_MS = 10_000;
const GROUP = 'bench-group';

class GroupClient {
  readonly #options: GroupOptions;
  readonly #body: Buffer;
  readonly #pairs: Array<DriverConnection<Member>> = [];
  #owner!: GroupOwner;
  #intended: number[] = [];
  #receivers: number[] = [];
  #pairSent = new Map<number, number>();
  #pairId = 0;
  #measured!: GroupMeasured;

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#body = Buffer.alloc(options.bodyBytes, 'x');
  }

  async connect(): Promise<void> {
    const { members, pairs, target } = this.#options;
    const driver = this.#createDriver();
    await driver.prepare();
    const names = Array.from({ length: members }, (_, i) => `member${i}`);
    await this.#connectAll(driver, names);
    this.#pairs.push(
      ...(await this.#connectAll(
        driver,
        Array.from({ length: 2 * pairs }, (_, i) => `pair${i}`),
      )),
    );
    this.#owner = await GroupOwner.connect(target, 'owner', fail);
    await this.#owner.create(GROUP, names);
  }

  async measure(seconds: number, withGroup: boolean): Promise<GroupMeasured> {
    const { messagesPerSecond, pairs, pairMessagesPerSecond, members } = this.#options;
    this.#measured = {
      lastReceiverMs: [],
      firstReceiverMs: [],
      pairMs: [],
      sent: 0,
      lost: 0,
      duplicated: 0,
      reordered: 0,
    };
    const first = this.#intended.length;
    const ends = [
      atRate(2 * pairs * pairMessagesPerSecond, seconds, (intended, i) => this.#sendPair(intended, i)),
      ...(withGroup ? [atRate(messagesPerSecond, seconds, (intended) => this.#sendGroup(intended))] : []),
    ];
    await Promise.all(ends);
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    const missing = (): number =>
      this.#receivers.slice(first).reduce((sum, count) => sum + members - count, 0) + this.#pairSent.size;
    while (missing() > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    const { lastReceiverMs, firstReceiverMs, pairMs } = this.#measured;
    for (const latencies of [lastReceiverMs, firstReceiverMs, pairMs]) latencies.sort((a, b) => a - b);
    return { ...this.#measured, lost: missing() };
  }

  #sendGroup(intended: number): void {
    this.#body.writeUInt32BE(this.#intended.length, 0);
    this.#owner.send(GROUP, this.#intended.length + 1, this.#body);
    this.#intended.push(intended);
    this.#receivers.push(0);
    this.#measured.sent++;
  }

  #sendPair(intended: number, i: number): void {
    const from = this.#pairs[i % this.#pairs.length]!;
    const to = this.#pairs[(i % this.#pairs.length) ^ 1]!;
    this.#pairSent.set(++this.#pairId, intended);
    this.#body.writeUInt32BE(this.#pairId, 0);
    from.send(to.user, this.#pairId, this.#body);
  }

  #received(member: Member, from: string, body: Uint8Array): void {
    const number = ((body[0]! << 24) | (body[1]! << 16) | (body[2]! << 8) | body[3]!) >>> 0;
    const now = performance.now();
    if (from !== 'owner') {
      const intended = this.#pairSent.get(number);
      if (intended === undefined) this.#measured.duplicated++;
      else this.#measured.pairMs.push(now - intended);
      this.#pairSent.delete(number);
      return;
    }
    if (number <= member.newest) {
      this.#measured.duplicated++;
      return;
    }
    if (number !== member.newest + 1) this.#measured.reordered++;
    member.newest = number;
    const count = ++this.#receivers[number]!;
    if (count === 1) this.#measured.firstReceiverMs.push(now - this.#intended[number]!);
    if (count === this.#options.members) this.#measured.lastReceiverMs.push(now - this.#intended[number]!);
  }

  #createDriver(): TargetDriver<Member> {
    return createReferenceDriver<Member>(
      { target: this.#options.target },
      {
        sent: () => {},
        sendFailed: (_connection, id, reason) => fail(`message ${id} was refused: ${reason}`),
        received: (connection, from, body) => this.#received(connection.context, from, body),
        delivered: () => {},
        closed: (_connection, code, reason) => fail(`a connection was lost: ${code} ${reason}`),
      },
    );
  }

  async #connectAll(driver: TargetDriver<Member>, names: string[]): Promise<Array<DriverConnection<Member>>> {
    const connections: Array<DriverConnection<Member>> = [];
    let next = 0;
    const connectSome = async (): Promise<void> => {
      while (next < names.length) {
        const index = next++;
        const name = names[index]!;
        const context = { name, newest: -1 };
        connections[index] = await driver.connect({
          user: name,
          device: 'bench',
          context,
          timeoutMs: CONNECT_TIMEOUT_MS,
        });
      }
    };
    await Promise.all(Array.from({ length: CONNECT_AT_ONCE }, connectSome));
    return connections;
  }
}

/** Open loop: calls `send` with the intended time (`performance.now()`), late ones too, until the time is over. */
function atRate(perSecond: number, seconds: number, send: (intended: number, i: number) => void): Promise<void> {
  const start = performance.now() + 10;
  const count = Math.floor(perSecond * seconds);
  let i = 0;
  return new Promise((resolve) => {
    const step = (): void => {
      const now = performance.now();
      while (i < count && start + (i * 1_000) / perSecond <= now) send(start + (i * 1_000) / perSecond, i++);
      if (i === count) resolve();
      else setTimeout(step, Math.max(start + (i * 1_000) / perSecond - performance.now(), 0));
    };
    step();
  });
}

let client: GroupClient | undefined;

process.on('message', (message: ToGroupClient) => {
  answerTo(message).then(tell, (error: Error) => fail(error.message));
});
process.on('disconnect', () => process.exit());

async function answerTo(message: ToGroupClient): Promise<FromGroupClient> {
  if (message.type === 'measure')
    return { type: 'measured', ...(await client!.measure(message.seconds, message.withGroup)) };
  client = new GroupClient(message.options);
  await client.connect();
  return { type: 'connected' };
}

function fail(message: string): void {
  tell({ type: 'failed', message });
}

function tell(message: FromGroupClient): void {
  if (process.connected) process.send!(message, () => {});
}
