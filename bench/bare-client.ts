/**
 * What the generator's cost is compared with: bare `net` sockets that exchange the same frames at the same fixed rate, and do
 * nothing else. No events, no deadlines, no checks of what comes, no latencies, no ledger; only counters. Reads land in one
 * buffer; a message is put together in another, masked by words, and leaves with one write, an acknowledgement that is due with it.
 *
 * As in the agent, senders are picked at random, partners are half the population away, sends are due at constant intervals,
 * and acknowledgements go within 50 ms unless a send takes them along. Started by `fork`, ends with its parent.
 */
import { connect, type Socket } from 'node:net';
import { AckWheel } from '../loadgen/drivers/ack-wheel.ts';
import { FRAME } from '../server/protocol/codec.ts';

export interface BareClientOptions {
  port: number;
  connections: number;
  /** Messages a second over all connections. */
  rate: number;
  bodyBytes: number;
}

export type ToBareClient =
  | { type: 'connect'; options: BareClientOptions }
  | { type: 'start' }
  | { type: 'count' }
  | { type: 'finish' };

export type FromBareClient =
  | { type: 'connected' }
  | { type: 'counts'; counts: BareCounts }
  | { type: 'failed'; message: string };

export interface BareCounts {
  sent: number;
  acknowledged: number;
  received: number;
  /** Of this process since its start, all threads. */
  cpuSeconds: number;
  rssBytes: number;
}

interface Connection {
  socket: Socket;
  name: string;
  partner: Buffer;
  open: boolean;
  position: number;
  acknowledged: number;
  dirty: boolean;
  /** Bytes of a frame whose end has not come yet. */
  partial: Buffer | null;
  flushAcknowledgement(): void;
}

const CONNECT_AT_ONCE = 100;
/** As many as the reference driver finds. */
const LOOPBACK_ADDRESSES = 64;
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);
const KEY = 0x5aa51b3d;
/** Payloads start here, a whole number of words; the header, 6 or 8 bytes, before it. */
const PAYLOAD = 8;

const connections: Connection[] = [];
const counts = { sent: 0, acknowledged: 0, received: 0 };
/** The same frames at the same times as the agent. */
const owing = new AckWheel<Connection>();
let options: BareClientOptions;
let running = false;
let out = Buffer.allocUnsafeSlow(4096);
let words = new Int32Array(out.buffer);
let body: Buffer;

async function connectAll(): Promise<void> {
  body = Buffer.alloc(options.bodyBytes, 'x');
  let next = 0;
  const connectSome = async (): Promise<void> => {
    while (next < options.connections) await open(next++);
  };
  await Promise.all(Array.from({ length: CONNECT_AT_ONCE }, connectSome));
}

function open(index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const partner = (index + options.connections / 2) % options.connections;
    const host = `127.0.0.${2 + (index % LOOPBACK_ADDRESSES)}`;
    const { port } = options;
    const callback = (length: number): boolean => {
      const isOpen = connection.open;
      read(connection, READ_BUFFER.subarray(0, length));
      if (!isOpen && connection.open) resolve();
      return true;
    };
    const socket = connect({ host, port, noDelay: true, onread: { buffer: READ_BUFFER, callback } });
    const connection: Connection = {
      socket,
      name: `u${index}`,
      partner: Buffer.from(`u${partner}`),
      open: false,
      position: 0,
      acknowledged: 0,
      dirty: false,
      partial: null,
      flushAcknowledgement: acknowledge,
    };
    connections[index] = connection;
    socket.on('error', reject);
    socket.on('connect', () => {
      socket.write(
        `GET /v1/connect?user=u${index}&device=load HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\n` +
          'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Protocol: plimsoll.v1\r\n\r\n',
        'latin1',
      );
    });
  });
}

function read(connection: Connection, bytes: Buffer): void {
  const data = connection.partial === null ? bytes : Buffer.concat([connection.partial, bytes]);
  connection.partial = null;
  let at = 0;
  if (!connection.open) {
    const end = data.indexOf('\r\n\r\n');
    if (end < 0) {
      keep(connection, data, 0);
      return;
    }
    connection.open = true;
    at = end + 4;
  }
  while (at < data.length) {
    if (data.length - at < 4) break;
    const short = data[at + 1]!;
    const payload = at + (short < 126 ? 2 : 4);
    const end = payload + (short < 126 ? short : data.readUInt16BE(at + 2));
    if (end > data.length) break;
    readFrames(connection, data, payload, end);
    at = end;
  }
  if (at < data.length) keep(connection, data, at);
}

function keep(connection: Connection, data: Buffer, at: number): void {
  connection.partial = Buffer.from(data.subarray(at));
}

function readFrames(connection: Connection, data: Buffer, from: number, end: number): void {
  let at = from;
  while (at < end) {
    const type = data[at]!;
    if (type === FRAME.sent) {
      counts.acknowledged++;
      advance(connection, data.readUInt32BE(at + 13));
      at += 25;
    } else if (type === FRAME.message) {
      counts.received++;
      advance(connection, data.readUInt32BE(at + 6));
      if (!connection.dirty) {
        connection.dirty = true;
        owing.soon(connection);
      }
      const nameEnd = at + 27 + data[at + 26]!;
      at = nameEnd + 4 + data.readUInt32BE(nameEnd);
    } else if (type === FRAME.receipt) at += 3 + data[at + 2]! + 8;
    else return; // the welcome, which comes alone
  }
}

/** Nothing is missing in between: the null server answers in order. */
function advance(connection: Connection, seq: number): void {
  if (seq > connection.position) connection.position = seq;
}

function acknowledge(this: Connection): void {
  this.dirty = false;
  if (this.position > this.acknowledged) write(this.socket, writeAck(this, PAYLOAD));
}

function send(connection: Connection): void {
  const at = connection.position > connection.acknowledged ? writeAck(connection, PAYLOAD) : PAYLOAD;
  const { partner } = connection;
  out[at] = FRAME.send;
  out.writeUInt32BE(0, at + 1);
  out.writeUInt32BE(++counts.sent, at + 5);
  out[at + 9] = partner.length;
  out.set(partner, at + 10);
  const bodyAt = out.writeUInt32BE(body.length, at + 10 + partner.length);
  out.set(body, bodyAt);
  write(connection.socket, bodyAt + body.length);
}

function writeAck(connection: Connection, at: number): number {
  connection.acknowledged = connection.position;
  out[at] = FRAME.ack;
  out.writeUInt32BE(0, at + 1);
  return out.writeUInt32BE(connection.position, at + 5);
}

/** One WebSocket message with the payload that ends at `end`. */
function write(socket: Socket, end: number): void {
  const length = end - PAYLOAD;
  const start = length < 126 ? 2 : 0;
  out[start] = 0x82;
  if (length < 126) out[start + 1] = 0x80 | length;
  else {
    out[start + 1] = 0x80 | 126;
    out.writeUInt16BE(length, start + 2);
  }
  out.writeInt32LE(KEY, 4);
  // Up to three bytes beyond the end are masked too: they are not sent.
  for (let word = PAYLOAD >> 2; word << 2 < end; word++) words[word] = words[word]! ^ KEY;
  socket.write(out.subarray(start, end));
  if (socket.writableLength === 0) return;
  // The kernel has not taken all of it: the socket still reads from the buffer.
  out = Buffer.allocUnsafeSlow(out.length);
  words = new Int32Array(out.buffer);
}

function start(): void {
  const { rate } = options;
  const intervalMs = 1_000 / rate;
  let nextMs = performance.now();
  let random = 1;
  running = true;
  const turn = (): void => {
    if (!running) return;
    for (const now = performance.now(); nextMs <= now; nextMs += intervalMs) {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      send(connections[Math.floor((random / 2 ** 32) * connections.length)]!);
    }
    setTimeout(turn, Math.max(1, Math.round(nextMs - performance.now())));
  };
  turn();
}

process.on('message', (message: ToBareClient) => {
  if (message.type === 'connect') {
    options = message.options;
    connectAll().then(
      () => tell({ type: 'connected' }),
      (error: Error) => tell({ type: 'failed', message: error.message }),
    );
  } else if (message.type === 'start') start();
  else if (message.type === 'finish') running = false;
  else {
    const { user, system } = process.cpuUsage();
    const rssBytes = process.memoryUsage.rss();
    tell({ type: 'counts', counts: { ...counts, cpuSeconds: (user + system) / 1e6, rssBytes } });
  }
});
process.on('disconnect', () => process.exit());

function tell(message: FromBareClient): void {
  if (process.connected) process.send!(message, () => {});
}
