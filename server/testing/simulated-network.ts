/**
 * Buses of several processes in one: links come and go as a test says, in one thread, in an order that a test decides.
 * It keeps the contract of bus.ts (bus.suite.ts runs over it).
 */
import type { Bus } from '../bus/bus.ts';

type MessageHandler = (from: number, to: number, kind: number, payload: Buffer) => void;
type Schedule = (task: () => void) => void;

export class SimulatedNetwork {
  #schedule: Schedule;
  #endpoints = new Map<number, Endpoint>();
  #cut = new Set<string>();

  /** `schedule` decides when what is under way arrives. */
  constructor(schedule: Schedule = setImmediate) {
    this.#schedule = schedule;
  }

  /** The bus of process `process`, which owns the volumes `own`. A process that is opened again has a new life. */
  open(process: number, own: number[]): Bus {
    const endpoint = new Endpoint(this, process, own);
    this.#endpoints.set(process, endpoint);
    for (const other of this.#endpoints.values()) if (other !== endpoint) this.#join(other, endpoint);
    return endpoint;
  }

  /** Break the link between two processes, in both directions; what is under way is lost. */
  cut(a: number, b: number): void {
    this.#cut.add(pair(a, b));
    this.#endpoints.get(a)?.unlink(b);
    this.#endpoints.get(b)?.unlink(a);
  }

  heal(a: number, b: number): void {
    if (!this.#cut.delete(pair(a, b))) return;
    const [one, other] = [this.#endpoints.get(a), this.#endpoints.get(b)];
    if (one && other) this.#join(one, other);
  }

  schedule(task: () => void): void {
    this.#schedule(task);
  }

  remove(endpoint: Endpoint): void {
    if (this.#endpoints.get(endpoint.process) !== endpoint) return;
    this.#endpoints.delete(endpoint.process);
    for (const other of this.#endpoints.values()) other.unlink(endpoint.process);
  }

  #join(a: Endpoint, b: Endpoint): void {
    if (this.#cut.has(pair(a.process, b.process))) return;
    a.link(b);
    b.link(a);
  }
}

/** One direction between two lives of two processes. */
interface Link {
  to: Endpoint;
  up: boolean;
  broken: boolean;
  underWay: Array<[number, number, number, Buffer]>;
}

class Endpoint implements Bus {
  readonly process: number;
  readonly own: number[];
  #network: SimulatedNetwork;
  #links = new Map<number, Link>();
  /** Volumes that were assigned, to a process or to none; the others are where they were opened. */
  #assigned = new Map<number, number | null>();
  #message: MessageHandler | null = null;
  #early: Array<[number, number, number, Buffer]> = [];
  #up: (to: number) => void = () => {};
  #closed = false;

  constructor(network: SimulatedNetwork, process: number, own: number[]) {
    this.#network = network;
    this.process = process;
    this.own = own;
    this.link(this);
  }

  send(from: number, to: number, kind: number, payload: Buffer): void {
    const link = this.#linkTo(to);
    if (this.#closed || !link?.up) return;
    link.underWay.push([from, to, kind, Buffer.from(payload)]);
    if (link.underWay.length > 1) return;
    this.#network.schedule(() => {
      const messages = link.underWay;
      link.underWay = [];
      for (const message of messages) if (!link.broken) link.to.receive(message);
    });
  }

  onMessage(handler: MessageHandler): void {
    this.#message = handler;
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.receive(message);
  }

  onUp(handler: (to: number) => void): void {
    this.#up = handler;
    for (const link of this.#links.values())
      if (link.up) for (const volume of this.#volumesBehind(link)) handler(volume);
  }

  isUp(to: number): boolean {
    return this.#linkTo(to)?.up ?? false;
  }

  assign(volume: number, process: number | null): void {
    const before = this.#linkTo(volume);
    this.#assigned.set(volume, process);
    const link = this.#linkTo(volume);
    if (link?.up && link !== before) this.#up(volume);
  }

  /** Also what a test does to a process that dies. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const process of [...this.#links.keys()]) this.unlink(process);
    this.#network.remove(this);
  }

  link(to: Endpoint): void {
    this.unlink(to.process);
    const link: Link = { to, up: to === this, broken: false, underWay: [] };
    this.#links.set(to.process, link);
    if (link.up) return;
    this.#network.schedule(() => {
      if (link.broken) return;
      link.up = true;
      for (const volume of this.#volumesBehind(link)) this.#up(volume);
    });
  }

  #linkTo(volume: number): Link | undefined {
    const process = this.#assigned.get(volume);
    if (process === null) return undefined;
    if (process !== undefined) return this.#links.get(process);
    return [...this.#links.values()].find(({ to }) => to.own.includes(volume));
  }

  #volumesBehind(link: Link): number[] {
    const volumes = new Set([...link.to.own, ...this.#assigned.keys()]);
    return [...volumes].filter((volume) => this.#linkTo(volume) === link);
  }

  unlink(process: number): void {
    const link = this.#links.get(process);
    if (link === undefined) return;
    link.up = false;
    link.broken = true;
    this.#links.delete(process);
  }

  receive(message: [number, number, number, Buffer]): void {
    if (this.#closed) return;
    if (this.#message === null) this.#early.push(message);
    else {
      const [from, to, kind, payload] = message;
      this.#message(from, to, kind, payload);
      // Valid during the call only: whoever keeps a view of it sees rubbish.
      payload.fill(0xee);
    }
  }
}

function pair(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
