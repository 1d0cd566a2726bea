/**
 * A client of one device that keeps PROTOCOL.md, and checks that the server does: it knows its position, repeats what was
 * not answered, reads at its own pace, and loses what it has not read when its connection breaks.
 */
import { ERRORS } from '../protocol/errors.ts';
import type { GroupAction } from '../protocol/messages.ts';
import type { ChatSimulation } from './chat-simulation.ts';
import type { ReceivedFrame, SimulatedConnection } from './simulated-connection.ts';

export interface SentMessage {
  id: number;
  to: string;
  /** `to` is a group. */
  toGroup: boolean;
  body: string;
  /** Number of the connection on which it was first sent; 0 once it was refused. */
  connection: number;
  /** How often it was sent on the present connection and not answered yet: only the last refusal says that it was not stored. */
  attempts: number;
  /** Own sequence by the first `sent`, and whether that came on the first connection. */
  seq?: number;
  answeredOnFirst?: boolean;
}

/** A request to change who is in a group. */
export interface MembershipRequest {
  group: string;
  /** Whom it may make members, or no members any more. */
  users: string[];
  /** Of whom that is sure once it is answered: a repeated `create` adds nobody. */
  sure: string[];
  joins: boolean;
  /** Numbers of all that clients ask and hear, in their order. */
  askedAt: number;
  answeredAt: number | null;
  /** The group's newest place when it was answered; null: not answered, or refused. */
  head: number | null;
}

/** What all clients of a simulation have seen together; broken promises of the server are collected here. */
export interface Observations {
  /** Entries as text, by user and sequence: all devices must see the same. */
  entries: Map<string, Map<number, string>>;
  /** Highest sequence that a device of the user acknowledged. */
  acknowledged: Map<string, number>;
  memberships: MembershipRequest[];
  /** Timelines are trimmed: a position may be below what is kept. */
  trims: boolean;
  /** Counts requests and answers about groups. */
  clock: number;
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
  /** Messages to groups that were refused because the sender is no member. */
  readonly refused = new Set<number>();
  /** Messages of which it is not known any more what became of them. */
  readonly tooOld = new Set<number>();
  #asked = new Map<number, MembershipRequest>();
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

  /** Of those, the ones that were not refused for good. */
  get open(): SentMessage[] {
    return this.unanswered.filter(({ id }) => !this.refused.has(id) && !this.tooOld.has(id));
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
    for (const message of this.sent) message.attempts = 0;
    // It forgets what it asks for again, as an application without a memory does.
    this.position = Math.min(from, this.position);
    this.#beyond.clear();
    this.#pushedUpTo = from;
  }

  disconnect(): void {
    this.connection?.disconnect();
    this.connection = null;
  }

  send(id: number, to: string, body: string, toGroup = false): void {
    if (!this.connected) return;
    const message = { id, to, toGroup, body, connection: this.#connections, attempts: 0 };
    this.sent.push(message);
    this.#transmit(message);
  }

  /** Asks for something to be done with a group; it is not asked again. */
  group(action: GroupAction, group: string, user: string): void {
    if (!this.connected) return;
    const joins = action === 'create' || action === 'join' || action === 'add';
    const own = action === 'join' || action === 'leave';
    const users = own ? [this.user] : action === 'create' ? [this.user, user] : [user];
    const id = ++this.#seen.clock;
    if (action !== 'promote') {
      const sure = action === 'create' ? [this.user] : users;
      const request = { group, users, sure, joins, askedAt: id, answeredAt: null, head: null };
      this.#seen.memberships.push(request);
      this.#asked.set(id, request);
    }
    this.connection!.group(action, group, { id, users: own ? [] : [user], open: true });
  }

  /** Send again what has no answer, in order. */
  repeat(): void {
    if (!this.connected) return;
    for (const message of this.unanswered) this.#transmit(message);
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
    const peers = this.sent.filter(({ toGroup }) => !toGroup).map(({ to }) => to);
    if (this.connected) this.connection!.status(...new Set(peers));
  }

  /** Read up to `count` frames that have arrived. */
  read(count = Number.POSITIVE_INFINITY): void {
    const frames = this.connection?.frames ?? [];
    for (let n = 0; n < count && this.#read < frames.length; n++) this.#take(frames[this.#read++]!);
  }

  #take(frame: ReceivedFrame): void {
    if (this.#read === 1 && frame.type !== 'welcome') this.#problem(`the first frame is ${frame.type}`);
    if (frame.type === 'reset') {
      this.#takeReset(frame.position);
    } else if (frame.type === 'message') {
      this.#takeOnce(frame.seq);
      this.#takeEntry(frame.seq, entryText(frame));
      // Only the answers to its own sends may fill the places between.
      if (frame.seq <= this.#pushedUpTo) this.#problem(`seq ${frame.seq} came after ${this.#pushedUpTo}`);
      this.#pushedUpTo = frame.seq;
    } else if (frame.type === 'sent') {
      this.#takeSent(frame.id, frame.seq);
    } else if (frame.type === 'group') {
      this.#takeAnswer(frame.id, frame.head);
    } else if (frame.type === 'error') {
      this.#takeError(frame.id, frame.code);
    } else if (frame.type === 'receipt' && frame.state === 'delivered') {
      this.#takeDelivered(frame.peer, frame.upTo);
    }
  }

  /** What lies below is gone; it goes on from there. */
  #takeReset(position: number): void {
    if (!this.#seen.trims) this.#problem(`reset to ${position} although nothing was lost`);
    else if (position <= this.position) this.#problem(`reset to ${position} although ${this.position} was asked for`);
    this.position = position;
    this.#pushedUpTo = position;
  }

  /** `head`: null when it was refused for certain. */
  #takeAnswer(id: number, head: number | null): void {
    const request = this.#asked.get(id);
    if (request === undefined) return;
    request.answeredAt = ++this.#seen.clock;
    request.head = head;
  }

  #takeError(id: number, code: number): void {
    const message = this.sent.find((candidate) => candidate.id === id);
    if (message === undefined) {
      if (code !== ERRORS.noAnswer.code) this.#takeAnswer(id, null);
      return;
    }
    // It was not stored: its place is among what is sent when it is repeated.
    message.connection = 0;
    message.attempts = Math.max(message.attempts - 1, 0);
    if (code === ERRORS.idTooOld.code) this.tooOld.add(id);
    if (code !== ERRORS.notMember.code && code !== ERRORS.noSuchGroup.code) return;
    if (message.seq !== undefined) this.#problem(`message ${id} was answered by ${message.seq}, and then refused`);
    else if (message.toGroup && message.attempts === 0) this.refused.add(id);
  }

  #transmit(message: SentMessage): void {
    const { id, to, body, toGroup } = message;
    message.attempts++;
    // Whatever was answered before: this one may be stored.
    this.refused.delete(id);
    if (toGroup) this.connection!.sendGroup(id, to, body);
    else this.connection!.send(id, to, body);
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
    this.refused.delete(id);
    const { to, toGroup, body } = message;
    const addressed = toGroup ? { peer: this.user, group: to, groupSeq: 0 } : { peer: to };
    this.#takeEntry(seq, entryText({ direction: 'out', id, body, ...addressed }));
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
    const told = this.sent.findLast(
      ({ to, seq, toGroup }) => !toGroup && to === peer && seq !== undefined && seq <= upTo,
    );
    const entry = told && entryText({ direction: 'in', peer: this.user, id: told.id, body: told.body });
    const place = [...(this.#seen.entries.get(peer) ?? [])].find(([, text]) => text === entry)?.[0];
    if (place === undefined && this.#seen.trims) return; // it was passed over by a reset
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

/** An entry as all devices of its user must see it. */
export function entryText(entry: {
  direction: 'in' | 'out';
  peer: string;
  id: number;
  body: string;
  group?: string;
  groupSeq?: number;
}): string {
  const { direction, peer, id, body, group, groupSeq } = entry;
  return JSON.stringify(
    group === undefined ? [direction, peer, id, body] : [direction, peer, id, body, group, groupSeq],
  );
}
