/** A device's connection without a socket: what the transport does between the messenger and a client. */
import type { Device, UserState } from '../messenger/user-state.ts';
import type { Volume } from '../messenger/volume.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import type { CloseEntry } from '../protocol/errors.ts';
import type { GroupAction, GroupRole, PresenceAction, PresenceStates } from '../protocol/messages.ts';

/** A frame as its JSON twin has it (PROTOCOL.md), and what the transport itself says at the start. */
export type ReceivedFrame =
  | { type: 'welcome'; head: number; after: number }
  | { type: 'reset'; position: number }
  | { type: 'sent'; id: number; seq: number; time: number }
  | {
      type: 'message';
      direction: 'in' | 'out';
      seq: number;
      id: number;
      time: number;
      peer: string;
      group?: string;
      groupSeq?: number;
      body: string;
    }
  | { type: 'group'; id: number; group: string; role: GroupRole; members: number; head: number }
  | PresenceStates
  | { type: 'receipt'; state: 'delivered' | 'stored'; peer: string; upTo: number }
  | { type: 'error'; code: number; id: number; retryAfterMs: number; text: string };

type FrameOf<Type> = Extract<ReceivedFrame, { type: Type }>;

export class SimulatedConnection implements Device {
  readonly name: string;
  user!: UserState;
  pushed = 0;
  live = false;
  closed = false;
  sentAhead: Set<number> | null = null;
  issuedAt = 0;
  /** The code with which the server has ended it. */
  closeCode = 0;
  /** What has arrived, oldest first. */
  readonly frames: ReceivedFrame[] = [];
  /** Bytes that the network has not taken; a test may say so. */
  backlog = 0;
  #volume: Volume;
  #after: number | undefined;
  #attached = false;

  constructor(volume: Volume, name: string, after: number | undefined) {
    this.#volume = volume;
    this.name = name;
    this.#after = after;
  }

  open(): void {
    const user = this.#volume.users.get(this.name);
    if (user !== undefined) this.#attach(user);
    else
      this.#volume.users.load(this.name).then(
        (loaded) => {
          if (!this.closed) this.#attach(loaded);
        },
        () => {
          this.closed = true;
        },
      );
  }

  get welcomed(): boolean {
    return this.#attached;
  }

  send(id: number, to: string, body = ''): void {
    if (!this.closed) this.#volume.sending.send(this, id, to, Buffer.from(body));
  }

  sendGroup(id: number, group: string, body = ''): void {
    if (!this.closed) this.#volume.sending.sendGroup(this, id, group, Buffer.from(body));
  }

  group(action: GroupAction, group: string, options: { id?: number; users?: string[]; open?: boolean } = {}): void {
    const { id = 1, users = [], open = false } = options;
    if (!this.closed) this.#volume.groups.request(this, { type: 'group', id, action, group, open, users });
  }

  presence(action: PresenceAction, users: string[]): void {
    if (!this.closed) this.#volume.presence.request(this, action, users);
  }

  ack(seq: number): void {
    if (!this.closed) this.#volume.receipts.acknowledge(this.user, seq);
  }

  status(...peers: string[]): void {
    if (!this.closed) this.#volume.receipts.status(this, peers);
  }

  /** The network has taken what was written. */
  drain(): void {
    this.backlog = 0;
    this.#volume.resume.drained(this);
  }

  disconnect(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.#attached) this.#volume.detach(this);
  }

  write(frames: Buffer): void {
    if (this.closed) throw new Error('written to a closed connection');
    for (const text of jsonFromServerFrames(frames)) this.frames.push(JSON.parse(text));
  }

  writeLater(frames: Buffer): void {
    this.write(frames);
  }

  backlogBytes(): number {
    return this.backlog;
  }

  close(entry: CloseEntry): void {
    if (this.closed) return;
    this.closeCode = entry.code;
    this.disconnect();
  }

  of<Type extends ReceivedFrame['type']>(type: Type): Array<FrameOf<Type>> {
    return this.frames.filter((frame): frame is FrameOf<Type> => frame.type === type);
  }

  /** Bodies of the received messages, in order of arrival. */
  get bodies(): string[] {
    return this.of('message').map(({ body }) => body);
  }

  /** Sequences in order of arrival, `sent` and `message`. */
  get sequences(): number[] {
    return this.frames.flatMap((frame) => (frame.type === 'message' || frame.type === 'sent' ? [frame.seq] : []));
  }

  #attach(user: UserState): void {
    this.user = user;
    this.#attached = true;
    const { head, after, reset } = this.#volume.attach(this, this.#after);
    this.frames.push({ type: 'welcome', head, after });
    if (reset) this.frames.push({ type: 'reset', position: after });
    this.#volume.start(this, reset);
  }
}
