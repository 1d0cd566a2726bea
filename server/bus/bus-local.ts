/**
 * The bus of one node: processes of one machine joined by Unix sockets, one stream each way per pair of processes. What is
 * sent in one turn of the event loop leaves as one write. Volumes of the same process are reached without a socket.
 *
 * Frame: u32 length of what follows · u16 from · u16 to · u8 kind · payload.
 */
import { unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Bus } from './bus.ts';

const HEADER = 9;
const RECONNECT_MS = { first: 20, most: 1_000 };

export interface LocalBusOptions {
  /** Index of this process. */
  process: number;
  /** Socket path of each process, this one's among them. */
  paths: string[];
  /** Process of each volume, as far as it is known: the rest is told by `assign`. */
  owners: Array<number | null>;
}

type MessageHandler = (from: number, to: number, kind: number, payload: Buffer) => void;

export async function openLocalBus(options: LocalBusOptions): Promise<Bus> {
  const bus = new LocalBus(options);
  await bus.listen();
  return bus;
}

class LocalBus implements Bus {
  #path: string;
  #process: number;
  #own = new Set<number>();
  /** Per process; none to itself. */
  #peers: Array<PeerLink | null>;
  /** Per volume of another process. */
  #links = new Map<number, PeerLink>();
  #server: Server;
  #incoming = new Set<Socket>();
  #message: MessageHandler | null = null;
  /** Connections that came before there was a handler: not read until then, so that nothing is dropped. */
  #unread: Socket[] = [];
  #up: (to: number) => void = () => {};
  #selfQueue: Array<[number, number, number, Buffer]> = [];
  #closed = false;

  constructor({ process, paths, owners }: LocalBusOptions) {
    this.#path = paths[process]!;
    this.#process = process;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#peers = paths.map((path, peer) => {
      if (peer === process) return null;
      const link: PeerLink = new PeerLink(path, () => {
        for (const [volume, its] of this.#links) if (its === link) this.#up(volume);
      });
      return link;
    });
    for (const [volume, owner] of owners.entries()) this.assign(volume, owner);
  }

  async listen(): Promise<void> {
    try {
      unlinkSync(this.#path); // left by a process that was killed
    } catch {}
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#path, () => resolve());
    });
    for (const link of this.#peers) link?.open();
  }

  assign(volume: number, process: number | null): void {
    if (process === this.#process) {
      if (this.#own.has(volume)) return;
      this.#own.add(volume);
      this.#links.delete(volume);
      this.#up(volume);
      return;
    }
    this.#own.delete(volume);
    const link = process === null ? null : (this.#peers[process] ?? null);
    if (link === null) this.#links.delete(volume);
    else if (this.#links.get(volume) !== link) {
      this.#links.set(volume, link);
      if (link.up) this.#up(volume);
    }
  }

  send(from: number, to: number, kind: number, payload: Buffer): void {
    if (this.#own.has(to)) {
      if (this.#selfQueue.length === 0) setImmediate(() => this.#deliverSelf());
      this.#selfQueue.push([from, to, kind, Buffer.from(payload)]);
      return;
    }
    this.#links.get(to)?.send(from, to, kind, payload);
  }

  onMessage(handler: MessageHandler): void {
    this.#message = handler;
    const unread = this.#unread;
    this.#unread = [];
    for (const socket of unread) this.#read(socket);
  }

  onUp(handler: (to: number) => void): void {
    this.#up = handler;
    for (const [volume, link] of this.#links) if (link.up) handler(volume);
    for (const volume of this.#own) handler(volume);
  }

  isUp(to: number): boolean {
    return this.#own.has(to) || (this.#links.get(to)?.up ?? false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const link of this.#peers) link?.close();
    for (const socket of this.#incoming) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #deliverSelf(): void {
    const queue = this.#selfQueue;
    this.#selfQueue = [];
    for (const [from, to, kind, payload] of queue) if (!this.#closed) this.#message?.(from, to, kind, payload);
  }

  #accept(socket: Socket): void {
    this.#incoming.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#incoming.delete(socket));
    if (this.#message === null) this.#unread.push(socket);
    else this.#read(socket);
  }

  #read(socket: Socket): void {
    const reader = new FrameReader((from, to, kind, payload) => {
      if (!this.#closed) this.#message?.(from, to, kind, payload);
    });
    socket.on('data', (chunk) => reader.push(chunk as Buffer));
  }
}

/** The outgoing half of the pair of streams to one peer process. */
class PeerLink {
  up = false;
  #path: string;
  #onUp: () => void;
  #socket: Socket | undefined;
  #pending: Buffer[] = [];
  #scheduled = false;
  #delayMs = RECONNECT_MS.first;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, onUp: () => void) {
    this.#path = path;
    this.#onUp = onUp;
  }

  open(): void {
    if (this.#closed) return;
    const socket = connect(this.#path);
    this.#socket = socket;
    socket.on('connect', () => {
      if (this.#closed) return;
      this.up = true;
      this.#delayMs = RECONNECT_MS.first;
      this.#pending = [];
      this.#onUp();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.up = false;
      if (this.#closed) return;
      this.#timer = setTimeout(() => this.open(), this.#delayMs);
      this.#delayMs = Math.min(this.#delayMs * 2, RECONNECT_MS.most);
    });
  }

  send(from: number, to: number, kind: number, payload: Buffer): void {
    if (!this.up) return;
    const frame = Buffer.allocUnsafe(HEADER + payload.length);
    frame.writeUInt32BE(HEADER - 4 + payload.length, 0);
    frame.writeUInt16BE(from, 4);
    frame.writeUInt16BE(to, 6);
    frame[8] = kind;
    payload.copy(frame, HEADER);
    this.#pending.push(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  close(): void {
    this.#flush();
    this.#closed = true;
    this.up = false;
    clearTimeout(this.#timer);
    this.#socket?.destroySoon();
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#pending.length === 0 || !this.up) return;
    const frames = this.#pending;
    this.#pending = [];
    this.#socket?.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }
}

/** Cuts a byte stream into bus frames. The chunks of a big frame are joined once, when it is complete. */
class FrameReader {
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** Bytes that are needed before anything more can be read. */
  #needed = 4;
  #handler: MessageHandler;

  constructor(handler: MessageHandler) {
    this.#handler = handler;
  }

  push(chunk: Buffer): void {
    this.#rest.push(chunk);
    this.#restBytes += chunk.length;
    if (this.#restBytes < this.#needed) return;
    const data = this.#rest.length === 1 ? chunk : Buffer.concat(this.#rest);
    this.#needed = 4;
    let at = 0;
    while (data.length - at >= 4) {
      const length = data.readUInt32BE(at);
      if (data.length - at - 4 < length) {
        this.#needed = 4 + length;
        break;
      }
      const body = at + 4;
      this.#handler(
        data.readUInt16BE(body),
        data.readUInt16BE(body + 2),
        data[body + 4]!,
        data.subarray(body + 5, body + length),
      );
      at = body + length;
    }
    this.#rest = at === data.length ? [] : [data.subarray(at)];
    this.#restBytes = data.length - at;
  }
}
