/**
 * The load of the message ceiling, the same for both servers: a process with the reference driver, whose users write to each
 * other in pairs, in a closed loop. Each user keeps `window` messages under way; one is done when the sender has `sent` and
 * the recipient the message, and the next one leaves at once. Acknowledgements go as the driver sends them.
 *
 * Every body carries its number, so that what is lost, duplicated or out of order shows. Started by `fork`, ends with its
 * parent.
 */

import type { DriverConnection, TargetDriver } from '../loadgen/drivers/target-driver.ts';
import { createReferenceDriver } from '../loadgen/drivers/target-driver-reference.ts';
import { logicalShard, volumeTable } from '../server/shard-map.ts';

export interface FlowOptions {
  target: string;
  /** Even: partners are both in this process. */
  connections: number;
  /** Distinguishes the users of several clients. */
  prefix: string;
  window: number;
  bodyBytes: number;
  /** Choose names so that partners live in the same one of this many server processes; null: wherever hashing puts them. */
  pairsWithin: number | null;
}

export type ToFlowClient =
  | { type: 'connect'; options: FlowOptions }
  | { type: 'start' }
  | { type: 'count' }
  | { type: 'finish' };

export type FromFlowClient =
  | { type: 'connected' }
  | ({ type: 'counts' } & FlowCounts)
  | ({ type: 'finished' } & FlowLedger)
  | { type: 'failed'; message: string };

/** Totals since the start. */
export interface FlowCounts {
  atMs: number;
  /** Messages that their sender knows to be stored, and that have arrived. */
  exchanged: number;
  /** Messages of which the sender got the `delivered` receipt: the whole flow. */
  delivered: number;
}

/** How it ended, after the last message had time to settle. */
export interface FlowLedger {
  sent: number;
  acknowledged: number;
  arrived: number;
  delivered: number;
  lost: number;
  duplicated: number;
  reordered: number;
}

interface Flow {
  name: string;
  partner: Flow;
  connection: DriverConnection<Flow>;
  sent: number;
  acknowledged: number;
  /** Messages of this user that have reached the partner. */
  arrived: number;
  delivered: number;
}

const CONNECT_AT_ONCE = 100;
const CONNECT_TIMEOUT_MS = 20_000;
const SETTLE_TIMEOUT_MS = 15_000;
const SETTLE_INTERVAL_MS = 20;

class FlowClient {
  readonly #options: FlowOptions;
  readonly #body: Buffer;
  readonly #flows: Flow[] = [];
  #running = false;
  #duplicated = 0;
  #reordered = 0;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.#body = Buffer.alloc(options.bodyBytes, 'x');
  }

  async connect(): Promise<void> {
    const { connections, prefix, pairsWithin } = this.#options;
    const driver = this.#createDriver();
    await driver.prepare();
    const flows = this.#flows;
    for (const name of userNames(connections, prefix, pairsWithin)) {
      flows.push({ name, sent: 0, acknowledged: 0, arrived: 0, delivered: 0 } as Flow);
    }
    for (const [index, flow] of flows.entries()) flow.partner = flows[(index + connections / 2) % connections]!;
    let next = 0;
    const connectSome = async (): Promise<void> => {
      while (next < flows.length) {
        const flow = flows[next++]!;
        const options = { user: flow.name, device: 'bench', context: flow, timeoutMs: CONNECT_TIMEOUT_MS };
        flow.connection = await driver.connect(options);
      }
    };
    await Promise.all(Array.from({ length: CONNECT_AT_ONCE }, connectSome));
  }

  start(): void {
    this.#running = true;
    for (const flow of this.#flows) this.#refill(flow);
  }

  counts(): FlowCounts {
    let exchanged = 0;
    let delivered = 0;
    for (const flow of this.#flows) {
      exchanged += Math.min(flow.acknowledged, flow.arrived);
      delivered += flow.delivered;
    }
    return { atMs: performance.now(), exchanged, delivered };
  }

  /** Send nothing more, and wait until all that was sent has gone its whole way, or clearly will not. */
  async finish(): Promise<FlowLedger> {
    this.#running = false;
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    let ledger = this.#ledger();
    while (ledger.delivered < ledger.sent && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_INTERVAL_MS));
      ledger = this.#ledger();
    }
    return ledger;
  }

  #createDriver(): TargetDriver<Flow> {
    return createReferenceDriver<Flow>(
      { target: this.#options.target },
      {
        sent: (connection) => this.#sent(connection.context),
        sendFailed: (_connection, id, reason) => fail(`message ${id} was refused: ${reason}`),
        received: (connection, from, body) => this.#received(connection.context, from, body),
        delivered: (connection) => {
          connection.context.delivered++;
        },
        closed: (_connection, code, reason) => fail(`a connection was lost: ${code} ${reason}`),
      },
    );
  }

  #ledger(): FlowLedger {
    const ledger = { sent: 0, acknowledged: 0, arrived: 0, delivered: 0 };
    for (const flow of this.#flows) {
      ledger.sent += flow.sent;
      ledger.acknowledged += flow.acknowledged;
      ledger.arrived += flow.arrived;
      ledger.delivered += flow.delivered;
    }
    return { ...ledger, lost: ledger.sent - ledger.arrived, duplicated: this.#duplicated, reordered: this.#reordered };
  }

  #refill(flow: Flow): void {
    if (!this.#running) return;
    while (flow.sent - Math.min(flow.acknowledged, flow.arrived) < this.#options.window) {
      const number = ++flow.sent;
      this.#body.writeUInt32BE(number, 0);
      flow.connection.send(flow.partner.name, number, this.#body);
    }
  }

  #sent(flow: Flow): void {
    flow.acknowledged++;
    this.#refill(flow);
  }

  #received(recipient: Flow, from: string, body: Uint8Array): void {
    const flow = recipient.partner;
    if (from !== flow.name) {
      fail(`${recipient.name} got a message from ${from}, who does not write to it`);
      return;
    }
    const number = ((body[0]! << 24) | (body[1]! << 16) | (body[2]! << 8) | body[3]!) >>> 0;
    if (number <= flow.arrived) {
      this.#duplicated++;
      return;
    }
    if (number !== flow.arrived + 1) this.#reordered++;
    flow.arrived++;
    this.#refill(flow);
  }
}

/** Names of the users; user i writes to user i + count/2, and the other way round. */
function userNames(count: number, prefix: string, pairsWithin: number | null): string[] {
  const names = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  if (pairsWithin === null) return names;
  const table = volumeTable(pairsWithin);
  const processOf = (name: string): number => table[logicalShard(name)]!;
  let number = count / 2;
  for (let index = 0; index < count / 2; index++) {
    let name: string;
    do name = `${prefix}${number++}`;
    while (processOf(name) !== processOf(names[index]!));
    names[index + count / 2] = name;
  }
  return names;
}

let client: FlowClient | undefined;

process.on('message', (message: ToFlowClient) => {
  if (message.type === 'connect') {
    client = new FlowClient(message.options);
    client.connect().then(
      () => tell({ type: 'connected' }),
      (error: Error) => fail(error.message),
    );
  } else if (message.type === 'start') client!.start();
  else if (message.type === 'count') tell({ type: 'counts', ...client!.counts() });
  else void client!.finish().then((ledger) => tell({ type: 'finished', ...ledger }));
});
process.on('disconnect', () => process.exit());

function fail(message: string): void {
  tell({ type: 'failed', message });
}

function tell(message: FromFlowClient): void {
  // The parent may be ending this process: then nobody listens, and that is no error.
  if (process.connected) process.send!(message, () => {});
}
