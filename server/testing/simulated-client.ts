/**
 * A client of one device that keeps PROTOCOL.md, and checks that the server does: it knows its position, repeats what was
 * not answered, reads at its own pace, and loses what it has not read when its connection breaks.
 */
import type { ChatSimulation } from './chat-simulation.ts';
import type { ReceivedFrame, SimulatedConnection } from './simulated-connection.ts';

export interface SentMessage {
  id: number;
  to: string;
  body: string;
  /** Number of the connection on which it was first sent; 0 once it was refused. */
  connection: number;
  /** Own sequence by the first `sent`, and whether that came on the first connection. */
  seq?: number;
  answeredOnFirst?: boolean;
}

/** What all clients of a simulation have seen together; broken promises of the server are collected here. */
export interface Observations {
  /** Entries as text, by user and sequence: all devices must see the same. */
  entries: Map<string, Map<number, string>>;
  /** Highest sequence that a device of the user acknowledged. */
  acknowledged: Map<string, number>;
  problems: string[];
}

export class SimulatedClient {
  readonly user: string;
  readonly sent: SentMessage[] = [];
  connection: SimulatedConnection | null = null;
  /** Everything up to here was read. */
  position = 0;
  /** Newest sequence of this user’s that was `delivered`, by peer. */
  readonly delivered = new Map<string, number>();
  #chat: ChatSimulation;
  #seen: Observations;
  #connections = 0;
  #read = 0;
  /** Sequences read on this connection. */
  #onConnection = new Set<number>();
  #pushedUpTo = 0;
  #beyond = new Set<number>();

  constructor(chat: ChatSimulation, user: string, seen: Observations) {
    this.#chat = chat;
    this.user = user;
    this.#seen = seen;
  }

  get connected(): boolean {
    return this.connection !== null && !this.connection.closed && this.connection.welcomed;
  }

  get unanswered(): SentMessage[] {
    return this.sent.filter(({ seq }) => seq === undefined);
  }

  /** From the client’s position, or from an earlier one; false if the user’s server is down. */
  connect(from = this.position): void {
    this.disconnect();
    // `after` counts as an acknowledgement.
    this.#noteAcknowledged(from);
    this.connection = this.#chat.connect(this.user, from);
    this.#connections++;
    this.#read = 0;
    this.#onConnection.clear();
    // It forgets what it asks for again, as an application without a memory does.
    this.position = Math.min(from, this.position);
    this.#beyond.clear();
    this.#pushedUpTo = from;
  }

  disconnect(): void {
    this.connection?.disconnect();
    this.connection = null;
  }

  send(id: number, to: string, body: string): void {
    if (!this.connected) return;
    this.sent.push({ id, to, body, connection: this.#connections });
    this.connection!.send(id, to, body);
  }

  /** Send again what has no answer, in order. */
  repeat(): void {
    if (!this.connected) return;
    for (const { id, to, body } of this.unanswered) this.connection!.send(id, to, body);
  }

  ack(): void {
    if (!this.connected) return;
    this.#noteAcknowledged(this.position);
    this.connection!.ack(this.position);
  }

  /** The network takes nothing more for the time being, or has taken all that waits. */
  stall(stalled: boolean): void {
    if (!this.connected) return;
    if (stalled) this.connection!.backlog = Number.MAX_SAFE_INTEGER;
    else this.connection!.drain();
  }

  /** How far have those come to whom this user wrote? */
  ask(): void {
    if (this.connected) this.connection!.status(...new Set(this.sent.map(({ to }) => to)));
  }

  /** Read up to `count` frames that have arrived. */
  read(count = Number.POSITIVE_INFINITY): void {
    const frames = this.connection?.frames ?? [];
    for (let n = 0; n < count && this.#read < frames.length; n++) this.#take(frames[this.#read++]!);
  }

  #take(frame: ReceivedFrame): void {
    if (this.#read === 1 && frame.type !== 'welcome') this.#problem(`the first frame is ${frame.type}`);
    if (frame.type === 'reset') {
      this.#problem(`reset to ${frame.position} although nothing was lost`);
    } else if (frame.type === 'message') {
      this.#takeOnce(frame.seq);
      this.#takeEntry(frame.seq, JSON.stringify([frame.direction, frame.peer, frame.id, frame.body]));
      // Only the answers to its own sends may fill the places between.
      if (frame.seq <= this.#pushedUpTo) this.#problem(`seq ${frame.seq} came after ${this.#pushedUpTo}`);
      this.#pushedUpTo = frame.seq;
    } else if (frame.type === 'sent') {
      this.#takeSent(frame.id, frame.seq);
    } else if (frame.type === 'error') {
      // It was not stored: its place is among what is sent when it is repeated.
      this.sent.find(({ id }) => id === frame.id)!.connection = 0;
    } else if (frame.type === 'receipt' && frame.state === 'delivered') {
      this.#takeDelivered(frame.peer, frame.upTo);
    }
  }

  #takeSent(id: number, seq: number): void {
    const message = this.sent.find((candidate) => candidate.id === id)!;
    if (message.seq !== undefined && message.seq !== seq) {
      this.#problem(`id ${id} was answered by seq ${message.seq} and by ${seq}`);
    }
    message.answeredOnFirst ??= message.connection === this.#connections;
    // A send that an earlier connection has stored is among what this one streams; a new one must not be.
    if (message.seq === undefined && message.answeredOnFirst) this.#takeOnce(seq);
    message.seq = seq;
    this.#takeEntry(seq, JSON.stringify(['out', message.to, id, message.body]));
  }

  #takeOnce(seq: number): void {
    if (this.#onConnection.has(seq)) this.#problem(`seq ${seq} came twice on one connection`);
    this.#onConnection.add(seq);
  }

  #takeEntry(seq: number, entry: string): void {
    this.#observe(seq, entry);
    if (seq <= this.position) return;
    this.#beyond.add(seq);
    while (this.#beyond.delete(this.position + 1)) this.position++;
  }

  #observe(seq: number, entry: string): void {
    let entries = this.#seen.entries.get(this.user);
    if (entries === undefined) {
      entries = new Map();
      this.#seen.entries.set(this.user, entries);
    }
    const known = entries.get(seq);
    if (known !== undefined && known !== entry) this.#problem(`seq ${seq} was ${known} and is ${entry}`);
    entries.set(seq, entry);
  }

  #takeDelivered(peer: string, upTo: number): void {
    this.delivered.set(peer, Math.max(upTo, this.delivered.get(peer) ?? 0));
    const acknowledged = this.#seen.acknowledged.get(peer) ?? 0;
    const told = this.sent.findLast(({ to, seq }) => to === peer && seq !== undefined && seq <= upTo);
    const entry = told && JSON.stringify(['in', this.user, told.id, told.body]);
    const place = [...(this.#seen.entries.get(peer) ?? [])].find(([, text]) => text === entry)?.[0];
    if (told && (place === undefined || place > acknowledged)) {
      this.#problem(`message ${told.id} was called delivered, but ${peer} acknowledged ${acknowledged} only`);
    }
  }

  #noteAcknowledged(seq: number): void {
    this.#seen.acknowledged.set(this.user, Math.max(seq, this.#seen.acknowledged.get(this.user) ?? 0));
  }

  #problem(text: string): void {
    this.#seen.problems.push(`${this.user}, connection ${this.#connections}: ${text}`);
  }
}
