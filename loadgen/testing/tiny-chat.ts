/** A small chat server with a dialect of its own, on the `ws` package: what a driver for "some JSON server" is tested against. */
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export interface TinyChat {
  /** `ws://127.0.0.1:port` */
  url: string;
  /** Frames that clients sent, as text, without the messages. */
  heard: string[];
  /** Break the user's connections. */
  disconnect(user: string): void;
  stop(): Promise<void>;
}

export interface TinyChatOptions {
  /** Asks its clients for a sign of life whenever somebody logs in. */
  curious?: boolean;
}

/**
 * `{"op":"auth","d":{"name"}}` is answered by `{"op":"ready"}`, or `{"op":"denied","d":{"why"}}` for the name "nobody".
 * `{"op":"say","d":{"to","ref","text"}}` by `{"op":"ok","d":{"ref"}}` and, at the recipient's, `{"op":"said","d":{"by","text"}}`;
 * or, where nobody is called that, by `{"op":"no","d":{"ref","why","wait"}}`. Nothing is kept for those who are away.
 */
export async function startTinyChat({ curious = false }: TinyChatOptions = {}): Promise<TinyChat> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const users = new Map<string, Set<WebSocket>>();
  const heard: string[] = [];
  server.on('connection', (socket) => {
    let name = '';
    const say = (op: string, d?: object): void => socket.send(JSON.stringify({ op, d }));
    const frames: Record<string, (d: Record<string, string>) => void> = {
      auth(d) {
        if (d.name === 'nobody') return say('denied', { why: 'no such account' });
        name = d.name!;
        users.set(name, (users.get(name) ?? new Set()).add(socket));
        say('ready');
        if (curious) say('alive?');
      },
      say(d) {
        const recipients = users.get(d.to!);
        if (recipients === undefined) return say('no', { ref: d.ref!, why: 'never heard of them', wait: 50 });
        for (const recipient of recipients)
          recipient.send(JSON.stringify({ op: 'said', d: { by: name, text: d.text } }));
        say('ok', { ref: d.ref });
      },
    };
    socket.on('message', (data) => {
      const { op, d = {} } = JSON.parse(String(data)) as { op: string; d?: Record<string, string> };
      if (op !== 'say') heard.push(String(data));
      frames[op]?.(d);
    });
    socket.on('close', () => users.get(name)?.delete(socket));
  });
  await new Promise((listening) => server.once('listening', listening));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    disconnect(user) {
      for (const socket of users.get(user) ?? []) socket.terminate();
    },
    stop() {
      for (const socket of server.clients) socket.terminate();
      return new Promise((stopped) => server.close(() => stopped()));
    },
  };
}
