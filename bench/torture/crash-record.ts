/**
 * What the clients of the crash test did and saw: every message they sent with its answer, every timeline entry that any
 * device received, every promise that was visibly broken on the way. crash-check.ts holds it against the timelines at the end.
 */

/** The kinds of broken promises; the worst first. */
export const PROBLEM_KINDS = [
  'lost',
  'duplicated',
  'reordered',
  'gap',
  'changed',
  'invented',
  'resume',
  'receipt',
  'unanswered',
  'refused',
  'unseen',
] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

export interface Problem {
  kind: ProblemKind;
  text: string;
}

export interface CrashMessage {
  /** Client message id: unique per user. */
  id: number;
  /** Number of the device that sent it, over all users: order is promised per device. */
  device: number;
  /** Name of the recipient or of the group. */
  to: string;
  toGroup: boolean;
  body: string;
  /** Place in the sender's own timeline, once `sent` has said so. */
  seq: number;
  /** Number of the device's connection on which it left first; 0: it has not left yet. */
  firstSentOn: number;
  /** `performance.now()` when it left first. */
  sentAtMs: number;
  /** It was refused once and repeated: its place among the others is no longer promised. */
  refused: boolean;
}

/** A timeline entry as all devices, and the history, must show it. */
export interface CrashEntry {
  direction: 'in' | 'out';
  seq: number;
  id: number;
  time: number;
  peer: string;
  body: string;
  /** Empty in messages between two users. */
  group: string;
  groupSeq: number;
}

export class CrashUser {
  readonly name: string;
  readonly sent = new Map<number, CrashMessage>();
  /** By place in the timeline: what some device was shown there first. */
  readonly seen = new Map<number, string>();
  /** Place of a received message of another user's, by `keyOf`. */
  readonly places = new Map<string, number>();
  /** Highest place that a device acknowledged. */
  acknowledged = 0;
  /** By peer: own places of messages to him, increasing, with their ids. */
  readonly outgoing = new Map<string, Array<{ seq: number; id: number }>>();
  /** By peer: highest own place that was called delivered. */
  readonly delivered = new Map<string, number>();
  #nextId = 1;

  constructor(name: string) {
    this.name = name;
  }

  nextId(): number {
    return this.#nextId++;
  }
}

/** Problems kept word for word; the rest is only counted. */
const PROBLEMS_KEPT = 200;

export class CrashRecord {
  readonly users = new Map<string, CrashUser>();
  /** Members of each group, creator first. */
  readonly groups = new Map<string, string[]>();
  /** From the first leaving of each message to its answer. */
  readonly latenciesMs: number[] = [];
  readonly problems: Problem[] = [];
  readonly counts = new Map<ProblemKind, number>();

  problem(kind: ProblemKind, text: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    if (this.problems.length < PROBLEMS_KEPT) this.problems.push({ kind, text });
  }

  get problemCount(): number {
    let total = 0;
    for (const count of this.counts.values()) total += count;
    return total;
  }

  /** A device of `user` was shown an entry. */
  saw(user: CrashUser, entry: CrashEntry): void {
    const text = textOf(entry);
    const known = user.seen.get(entry.seq);
    if (known !== undefined) {
      if (known !== text) this.problem('changed', `${user.name}: place ${entry.seq} was ${known} and is ${text}`);
      return;
    }
    user.seen.set(entry.seq, text);
    if (entry.direction === 'in') user.places.set(keyOf(entry.peer, entry.id), entry.seq);
    else if (entry.group === '') this.#noteOutgoing(user, entry.peer, entry.seq, entry.id);
  }

  /** The server told `user` that everything to `peer` up to the own place `upTo` was delivered. */
  delivered(user: CrashUser, peer: string, upTo: number): void {
    user.delivered.set(peer, Math.max(upTo, user.delivered.get(peer) ?? 0));
    const newest = user.outgoing.get(peer)?.findLast(({ seq }) => seq <= upTo);
    if (newest === undefined) return;
    const recipient = this.users.get(peer)!;
    const place = recipient.places.get(keyOf(user.name, newest.id));
    if (place === undefined || place > recipient.acknowledged)
      this.problem(
        'receipt',
        `${user.name}: message ${newest.id} was called delivered, but ${peer} has acknowledged ${recipient.acknowledged} only`,
      );
  }

  #noteOutgoing(user: CrashUser, peer: string, seq: number, id: number): void {
    let list = user.outgoing.get(peer);
    if (list === undefined) {
      list = [];
      user.outgoing.set(peer, list);
    }
    let at = list.length;
    while (at > 0 && list[at - 1]!.seq > seq) at--;
    list.splice(at, 0, { seq, id });
  }
}

export function keyOf(sender: string, id: number): string {
  return `${sender} ${id}`;
}

export function textOf(entry: CrashEntry): string {
  const { direction, id, time, peer, body, group, groupSeq } = entry;
  return JSON.stringify(
    group === '' ? [direction, peer, id, time, body] : [direction, peer, id, time, body, group, groupSeq],
  );
}
