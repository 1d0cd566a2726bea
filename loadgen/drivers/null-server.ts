/**
 * The null server: speaks the reference protocol and does nothing else. It accepts and answers, stores nothing, checks nothing
 * and knows only who is connected, so that what a generator reaches against it is the generator's own ceiling.
 *
 * One process, no other shard. A message goes to its recipient if that one is connected, else nowhere; either way it is `sent`.
 * Sequences count from 1 with every connection. What a turn of the event loop writes to a socket leaves in one write.
 */
import uws from 'uWebSockets.js';
import {
  type ClientFrames,
  decodeClientFrames,
  encodeGroupState,
  encodeMessage,
  encodePresenceState,
  encodeReceipt,
  encodeSent,
  encodeWelcome,
  FrameWriter,
} from '../../server/protocol/codec.ts';
import { BINARY_SUBPROTOCOL } from '../../server/protocol/messages.ts';
import { LOGICAL_SHARDS } from '../../server/protocol/shard-hash.ts';

export interface NullServer {
  port: number;
  counts(): NullServerCounts;
  stop(): void;
}

/** Connections now; messages and acknowledged positions that came in since the start. */
export interface NullServerCounts {
  connections: number;
  sends: number;
  acks: number;
}

const IDLE_TIMEOUT_SECONDS = 120;
const MAX_BODY_BYTES = 65_536;
const MAX_MESSAGE_BYTES = 1_048_576;

/** Listens on all addresses, on a port of the system's choice. Rejects when there is none. */
export function startNullServer(): Promise<NullServer> {
  const relay = new Relay();
  const app = uws.App();
  let port = 0;
  app.get('/v1/shards', (response) => {
    const owners = [{ url: `ws://127.0.0.1:${port}`, from: 0, to: LOGICAL_SHARDS - 1 }];
    response.end(JSON.stringify({ logicalShards: LOGICAL_SHARDS, owners }));
  });
  app.any('/*', (response) => {
    response.writeStatus('404 Not Found').end('the null server has no such page');
  });
  app.ws<Data>('/v1/connect', {
    compression: uws.DISABLED,
    maxBackpressure: 0,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    maxPayloadLength: MAX_MESSAGE_BYTES,
    upgrade(response, request, context) {
      response.upgrade<Data>(
        {
          name: request.getQuery('user') || 'nobody',
          device: request.getQuery('device') || 'default',
          user: undefined,
        },
        request.getHeader('sec-websocket-key'),
        BINARY_SUBPROTOCOL,
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open: (socket) => relay.open(socket),
    message: (socket, message) => relay.read(socket.getUserData().user!, Buffer.from(message)),
    close: (socket) => relay.close(socket.getUserData()),
  });
  return new Promise((resolve, reject) => {
    app.listen('0.0.0.0', 0, (listening) => {
      if (!listening) return reject(new Error('the null server found no port to listen on'));
      port = uws.us_socket_local_port(listening);
      resolve({ port, counts: () => relay.counts(), stop: () => app.close() });
    });
  });
}

interface Data {
  name: string;
  device: string;
  user: User | undefined;
}

interface User {
  name: string;
  /** Null: gone. */
  socket: uws.WebSocket<Data> | null;
  /** Entries of this connection's timeline so far. */
  seq: number;
  /** Received and not acknowledged: own sequence, sender, sender's sequence; oldest first. */
  unacknowledged: Array<{ seq: number; sender: User; senderSeq: number }>;
  /** Gathered in this turn. */
  pending: FrameWriter;
}

class Relay implements ClientFrames {
  readonly #users = new Map<string, User>();
  /** Users for whom something is gathered. */
  #dirty: User[] = [];
  /** Whose frames are being read. */
  #author!: User;
  #now = 0;
  #connections = 0;
  #sends = 0;
  #acks = 0;

  counts(): NullServerCounts {
    return { connections: this.#connections, sends: this.#sends, acks: this.#acks };
  }

  open(socket: uws.WebSocket<Data>): void {
    const data = socket.getUserData();
    const user = { name: data.name, socket, seq: 0, unacknowledged: [], pending: new FrameWriter(INITIAL_BYTES) };
    data.user = user;
    this.#users.set(data.name, user);
    this.#connections++;
    encodeWelcome(this.#to(user), {
      type: 'welcome',
      user: data.name,
      device: data.device,
      head: 0,
      after: 0,
      time: Date.now(),
      idleTimeoutSeconds: IDLE_TIMEOUT_SECONDS,
      maxBodyBytes: MAX_BODY_BYTES,
    });
  }

  close({ name, user }: Data): void {
    if (user === undefined) return;
    user.socket = null;
    this.#connections--;
    if (this.#users.get(name) === user) this.#users.delete(name);
  }

  read(author: User, frames: Buffer): void {
    this.#author = author;
    this.#now = Date.now();
    try {
      decodeClientFrames(frames, this);
    } catch {
      author.socket?.close();
    }
  }

  send(id: number, to: string, body: Buffer): void {
    const author = this.#author;
    const recipient = this.#users.get(to);
    this.#sends++;
    const senderSeq = ++author.seq;
    encodeSent(this.#to(author), id, senderSeq, this.#now);
    if (recipient === undefined) return;
    const seq = ++recipient.seq;
    recipient.unacknowledged.push({ seq, sender: author, senderSeq });
    encodeMessage(this.#to(recipient), 'in', seq, id, this.#now, author.name, body);
  }

  ack(seq: number): void {
    const { name, unacknowledged } = this.#author;
    this.#acks++;
    let covered = 0;
    while (covered < unacknowledged.length && unacknowledged[covered]!.seq <= seq) covered++;
    if (covered === 0) return;
    const upTo = new Map<User, number>();
    for (const { sender, senderSeq } of unacknowledged.splice(0, covered)) upTo.set(sender, senderSeq);
    for (const [sender, senderSeq] of upTo)
      if (sender.socket !== null) encodeReceipt(this.#to(sender), 'delivered', name, senderSeq);
  }

  status(): void {}

  sendGroup(id: number): void {
    this.#sends++;
    encodeSent(this.#to(this.#author), id, ++this.#author.seq, this.#now);
  }

  group(id: number, _action: unknown, group: string, _open: boolean, users: string[]): void {
    encodeGroupState(this.#to(this.#author), id, group, 'owner', users.length + 1, 0);
  }

  presence(action: string, users: string[]): void {
    if (action === 'unsubscribe') return;
    const states = users.map((user) => ({ user, state: this.#users.has(user) ? 'online' : 'offline' }) as const);
    encodePresenceState(this.#to(this.#author), states);
  }

  /** Where to write what `user` gets in this turn. */
  #to(user: User): FrameWriter {
    if (user.pending.length === 0 && this.#dirty.push(user) === 1) setImmediate(() => this.#flush());
    return user.pending;
  }

  #flush(): void {
    const users = this.#dirty;
    this.#dirty = [];
    for (const { socket, pending } of users) {
      socket?.send(pending.view(), true);
      pending.reset();
    }
  }
}

/** A user's buffer grows when it must; most stay small. */
const INITIAL_BYTES = 512;
