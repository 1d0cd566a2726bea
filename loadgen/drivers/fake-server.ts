/**
 * A server that speaks just enough of the reference protocol to test its driver: real sockets, timelines in memory, one
 * process, several ports of which each owns a range of logical shards. For tests only.
 */

import uws from 'uWebSockets.js';
import { createVerifier } from 'fast-jwt';
import {
  decodeClientFrames,
  encodeError,
  encodeMessage,
  encodeReceipt,
  encodeRedirect,
  encodeReset,
  encodeSent,
  encodeWelcome,
  FrameWriter,
} from '../../server/protocol/codec.ts';
import { CLOSES, ERRORS } from '../../server/protocol/errors.ts';
import { LOGICAL_SHARDS, logicalShard } from '../../server/protocol/shard-hash.ts';

export interface FakeServerOptions {
  /** Processes to play. Default 1. */
  owners?: number;
  authSecret?: string;
  /** What `/v1/shards` says instead of the truth. */
  shards?: (urls: string[]) => unknown;
  /** Accept connections, but never welcome them. */
  mute?: boolean;
  /** Every connection is redirected to the next owner, for ever. */
  lost?: boolean;
}

export interface FakeServer {
  /** `ws://127.0.0.1:port` of the router. */
  target: string;
  /** Upgrade requests seen. */
  upgrades: Array<{ url: string; user: string; after: number | undefined; address: string }>;
  /** `<user> <seq>` of each ack frame seen. */
  acks: string[];
  /** Bodies that are answered with try-later while this is set. */
  refuse: boolean;
  /** Close the user's connections, with a close frame or by a broken connection. */
  disconnect(user: string, code?: number): void;
  /** Send bytes as they are to the user's connections. */
  push(user: string, frames: Buffer): void;
  stop(): void;
}

interface Entry {
  direction: 'in' | 'out';
  id: number;
  time: number;
  peer: string;
  body: Buffer;
}

interface Data {
  user: string;
  device: string;
  after: number | undefined;
  ownerIndex: number;
  authorised: boolean;
}

interface User {
  entries: Entry[];
  sockets: Set<uws.WebSocket<Data>>;
  acknowledged: number;
}

export async function startFakeServer(options: FakeServerOptions = {}): Promise<FakeServer> {
  const count = options.owners ?? 1;
  const users = new Map<string, User>();
  const ports: number[] = [];
  const urls: string[] = [];
  const verify =
    options.authSecret === undefined ? undefined : createVerifier({ key: options.authSecret, algorithms: ['HS256'] });
  const user = (name: string): User => {
    let found = users.get(name);
    if (found === undefined) {
      found = { entries: [], sockets: new Set(), acknowledged: 0 };
      users.set(name, found);
    }
    return found;
  };
  const ownerOf = (name: string) => Math.floor((logicalShard(name) * count) / LOGICAL_SHARDS);
  const server: FakeServer = {
    target: '',
    upgrades: [],
    acks: [],
    refuse: false,
    disconnect(name, code) {
      for (const socket of user(name).sockets) code === undefined ? socket.close() : socket.end(code, 'as asked');
    },
    push(name, frames) {
      for (const socket of user(name).sockets) socket.send(frames, true);
    },
    stop() {
      for (const app of apps) app.close();
    },
  };

  function authorised(name: string, header: string): boolean {
    if (verify === undefined) return true;
    try {
      return (verify(header.replace('Bearer ', '')) as { sub?: string }).sub === name;
    } catch {
      return false;
    }
  }

  function welcome(socket: uws.WebSocket<Data>): void {
    const { user: name, device, after, ownerIndex, authorised: allowed } = socket.getUserData();
    if (options.mute) return;
    if (!allowed) {
      socket.end(CLOSES.unauthorised.code, 'the token is wrong');
      return;
    }
    const owner = options.lost ? (ownerIndex + 1) % count : ownerOf(name);
    if (owner !== ownerIndex || options.lost) {
      socket.send(
        frame((w) => encodeRedirect(w, urls[owner]!)),
        true,
      );
      socket.end(CLOSES.redirected.code, 'redirected');
      return;
    }
    const own = user(name);
    const head = own.entries.length;
    const from = Math.min(after ?? own.acknowledged, head);
    const frames = frame((w) => {
      encodeWelcome(w, {
        type: 'welcome',
        user: name,
        device,
        head,
        after: from,
        time: Date.now(),
        idleTimeoutSeconds: 120,
        maxBodyBytes: 65_536,
      });
      if (after !== undefined && after > head) encodeReset(w, head);
      for (let seq = from + 1; seq <= head; seq++) encodeEntry(w, seq, own.entries[seq - 1]!);
    });
    own.sockets.add(socket);
    socket.send(frames, true);
    if (from > 0) acknowledge(name, from);
  }

  function append(name: string, entry: Entry, except?: uws.WebSocket<Data>): number {
    const own = user(name);
    const seq = own.entries.push(entry);
    const frames = frame((w) => encodeEntry(w, seq, entry));
    for (const socket of own.sockets) if (socket !== except) socket.send(frames, true);
    return seq;
  }

  function send(socket: uws.WebSocket<Data>, id: number, to: string, body: Buffer): void {
    const name = socket.getUserData().user;
    if (server.refuse) {
      socket.send(
        frame((w) => encodeError(w, ERRORS.tryLater.code, id, 100, 'not now')),
        true,
      );
      return;
    }
    const before = user(name).entries.findIndex((entry) => entry.direction === 'out' && entry.id === id);
    const time = Date.now();
    if (before >= 0) {
      socket.send(
        frame((w) => encodeSent(w, id, before + 1, time)),
        true,
      );
      return;
    }
    const copy = Buffer.from(body);
    const seq = append(name, { direction: 'out', id, time, peer: to, body: copy }, socket);
    socket.send(
      frame((w) => encodeSent(w, id, seq, time)),
      true,
    );
    append(to, { direction: 'in', id, time, peer: name, body: copy });
    if (user(to).sockets.size === 0)
      socket.send(
        frame((w) => encodeReceipt(w, 'stored', to, seq)),
        true,
      );
  }

  function acknowledge(name: string, seq: number): void {
    const own = user(name);
    const upTo = new Map<string, number>();
    for (const entry of own.entries.slice(own.acknowledged, seq))
      if (entry.direction === 'in') upTo.set(entry.peer, entry.id);
    own.acknowledged = Math.max(own.acknowledged, seq);
    for (const [peer, id] of upTo) {
      const sender = user(peer);
      const senderSeq = sender.entries.findIndex((entry) => entry.direction === 'out' && entry.id === id) + 1;
      for (const socket of sender.sockets)
        socket.send(
          frame((w) => encodeReceipt(w, 'delivered', name, senderSeq)),
          true,
        );
    }
  }

  function createApp(ownerIndex: number): uws.TemplatedApp {
    const app = uws.App();
    app.get('/v1/shards', (response) => {
      const owners = urls.map((url, i) => ({
        url,
        from: Math.ceil((i * LOGICAL_SHARDS) / count),
        to: Math.ceil(((i + 1) * LOGICAL_SHARDS) / count) - 1,
      }));
      response.end(JSON.stringify(options.shards?.(urls) ?? { logicalShards: LOGICAL_SHARDS, owners }));
    });
    app.ws<Data>('/v1/connect', {
      upgrade(response, request, context) {
        const query = new URLSearchParams(request.getQuery());
        const after = query.get('after');
        const data: Data = {
          user: query.get('user') ?? '',
          device: query.get('device') ?? '',
          after: after === null ? undefined : Number(after),
          ownerIndex,
          authorised: authorised(query.get('user') ?? '', request.getHeader('authorization')),
        };
        server.upgrades.push({
          url: urls[ownerIndex]!,
          user: data.user,
          after: data.after,
          address: request.getHeader('host'),
        });
        response.upgrade(
          data,
          request.getHeader('sec-websocket-key'),
          request.getHeader('sec-websocket-protocol'),
          '',
          context,
        );
      },
      open: welcome,
      message(socket, message) {
        decodeClientFrames(Buffer.from(message), {
          send: (id, to, body) => send(socket, id, to, body),
          ack(seq) {
            server.acks.push(`${socket.getUserData().user} ${seq}`);
            acknowledge(socket.getUserData().user, seq);
          },
          status: () => {},
          sendGroup: () => {},
          group: () => {},
          presence: () => {},
        });
      },
      close: (socket) => {
        user(socket.getUserData().user).sockets.delete(socket);
      },
    });
    return app;
  }

  const apps = Array.from({ length: count }, (_, i) => createApp(i));
  for (const app of apps) {
    const port = await listen(app);
    ports.push(port);
    urls.push(`ws://127.0.0.1:${port}`);
  }
  server.target = urls[0]!;
  return server;
}

function encodeEntry(w: FrameWriter, seq: number, entry: Entry): void {
  encodeMessage(w, entry.direction, seq, entry.id, entry.time, entry.peer, entry.body);
}

function frame(write: (w: FrameWriter) => void): Buffer {
  const w = new FrameWriter();
  write(w);
  return w.take();
}

function listen(app: uws.TemplatedApp): Promise<number> {
  return new Promise((resolve, reject) => {
    app.listen('0.0.0.0', 0, (token) =>
      token ? resolve(uws.us_socket_local_port(token)) : reject(new Error('no port to listen on')),
    );
  });
}
