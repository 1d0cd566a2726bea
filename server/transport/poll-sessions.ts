/**
 * The polling devices of a process. From its first poll until `graceMs` after the last one a device counts as connected: it
 * takes one place among its user's devices, which its polls and, in between, a stand-in fill one after another.
 */
import type { UserState } from '../messenger/user-state.ts';
import type { Volume } from '../messenger/volume.ts';
import { CLOSES } from '../protocol/errors.ts';
import { AwayDevice, Poll, type PollEnd } from './poll.ts';
import { PollNews } from './poll-news.ts';

export interface PollRequest {
  volume: Volume;
  user: UserState;
  device: string;
  /** Of its token, seconds since the epoch. */
  issuedAt: number;
  /** What the client has; undefined: what this user's devices have acknowledged. */
  after: number | undefined;
  limit: number;
  timeoutMs: number;
}

interface Session {
  volume: Volume;
  place: Poll | AwayDevice;
  news: PollNews;
  grace: NodeJS.Timeout | undefined;
}

export class PollSessions {
  readonly #graceMs: number;
  /** By user and device. */
  #sessions = new Map<string, Session>();

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** Devices that hold a poll, or whose grace is not over. */
  get size(): number {
    return this.#sessions.size;
  }

  /** `onEnd` is called once, at once or later. */
  begin(request: PollRequest, onEnd: (end: PollEnd) => void): Poll {
    const { volume, user, issuedAt, limit } = request;
    const key = `${user.name}\n${request.device}`;
    const earlier = this.#sessions.get(key);
    if (earlier?.place instanceof Poll) earlier.place.end({ type: 'replaced' });
    // Ending it may have ended the session as well.
    const session = this.#sessions.get(key);
    clearTimeout(session?.grace);
    const news = session?.news ?? new PollNews();
    const poll: Poll = new Poll(user, issuedAt, news, limit, (end) => {
      this.#ended(key, poll, end);
      onEnd(end);
    });
    const { after, reset } = volume.attach(poll, request.after, session?.place);
    this.#sessions.set(key, { volume, place: poll, news, grace: undefined });
    poll.begin(after, request.timeoutMs);
    if (reset) poll.reset(after);
    else volume.start(poll, false);
    return poll;
  }

  /** The process ends: all polls are answered, all devices go. */
  closeAll(): void {
    for (const { place } of this.#sessions.values()) place.close(CLOSES.goingAway);
  }

  /** A poll is over: a stand-in takes its place, or the device is gone. */
  #ended(key: string, poll: Poll, end: PollEnd): void {
    const session = this.#sessions.get(key)!;
    if (end.type === 'closed' || this.#graceMs === 0 || session.volume.draining) {
      this.#leave(key, session);
      return;
    }
    const away = new AwayDevice(poll.user, poll.issuedAt, session.news, () => this.#leave(key, session));
    session.volume.attach(away, poll.user.committed, poll);
    session.place = away;
    session.grace = setTimeout(() => away.close(), this.#graceMs);
  }

  #leave(key: string, session: Session): void {
    clearTimeout(session.grace);
    this.#sessions.delete(key);
    session.volume.detach(session.place);
  }
}
