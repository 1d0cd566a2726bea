/**
 * What the message ceiling is compared with: a bare uWebSockets.js server that relays the frames of the five-step flow and
 * does nothing else. No store, no dedup, no resume, no receipts kept, no check of what arrives, no bus: a process knows the
 * users connected to it, and both ends of a conversation are connected to the same one.
 *
 * A user talks to one other. What both see is then the same row of messages, so one counter for the pair gives both
 * timelines their sequences, and the sequence that the recipient acknowledges is the sender's own: a receipt needs no
 * look-up.
 *
 * Plain, it does what comes naturally: the frames that one WebSocket message causes leave at once, one write to each of the
 * two sockets. Gathering, it keeps what a turn of the event loop writes to a socket for one write at the end of the turn;
 * system calls being most of the cost, that is the most that a relay can reach.
 *
 * Started by `fork`; says on which port it listens, is told where all relays are, and ends with its parent.
 */
import uws from 'uWebSockets.js';
import { encodeWelcome, FRAME, FrameWriter } from '../server/protocol/codec.ts';
import { BINARY_SUBPROTOCOL } from '../server/protocol/messages.ts';
import { LOGICAL_SHARDS, volumeRange } from '../server/shard-map.ts';

export type ToRelay = { type: 'relays'; urls: string[]; gathers: boolean };
export type FromRelay = { type: 'listening'; port: number };

interface User {
  name: Buffer;
  socket: uws.WebSocket<Data>;
  /** Set with the first message, on both sides. */
  partner: User | undefined;
  /** Shared by the two partners. */
  conversation: { seq: number };
  /** Gathered in this turn. */
  pending: FrameWriter;
}

interface Data {
  name: string;
  user: User | undefined;
}

const MAX_FRAMES_BYTES = 65_536;
/** A sequence is below 2^32 here; its upper half is left zero. */
const HIGH_ZERO = 0;
const TWO_32 = 2 ** 32;

const users = new Map<string, User>();
/** Frames caused by the WebSocket message at hand: to the one who sent it, and to their partner. */
const own = Buffer.alloc(MAX_FRAMES_BYTES);
const other = Buffer.alloc(MAX_FRAMES_BYTES);
let urls: string[] = [];
let gathers = false;
/** Users for whom something is gathered. */
let dirty: User[] = [];

const app = uws.App();

app.get('/v1/shards', (response) => {
  const owners = urls.map((url, process) => ({ url, ...volumeRange(process, urls.length) }));
  response.end(JSON.stringify({ logicalShards: LOGICAL_SHARDS, owners }));
});

app.ws<Data>('/v1/connect', {
  compression: uws.DISABLED,
  maxBackpressure: 0,
  upgrade(response, request, context) {
    response.upgrade<Data>(
      { name: request.getQuery('user') ?? '', user: undefined },
      request.getHeader('sec-websocket-key'),
      BINARY_SUBPROTOCOL,
      request.getHeader('sec-websocket-extensions'),
      context,
    );
  },
  open(socket) {
    const data = socket.getUserData();
    data.user = {
      name: Buffer.from(data.name),
      socket,
      partner: undefined,
      conversation: { seq: 0 },
      pending: new FrameWriter(),
    };
    users.set(data.name, data.user);
    const writer = new FrameWriter();
    encodeWelcome(writer, {
      type: 'welcome',
      user: data.name,
      device: 'bench',
      head: 0,
      after: 0,
      time: Date.now(),
      idleTimeoutSeconds: 120,
      maxBodyBytes: 16_384,
    });
    socket.send(writer.view(), true);
  },
  message(socket, message) {
    relay(socket.getUserData().user!, Buffer.from(message));
  },
  close(socket) {
    users.delete(socket.getUserData().name);
  },
});

app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) throw new Error('the bare relay found no port to listen on');
  tell({ type: 'listening', port: uws.us_socket_local_port(listening) });
});

process.on('message', (message: ToRelay) => {
  urls = message.urls;
  gathers = message.gathers;
});
process.on('disconnect', () => process.exit());

function relay(user: User, frames: Buffer): void {
  let ownLength = 0;
  let otherLength = 0;
  let at = 0;
  while (at < frames.length) {
    if (frames[at] === FRAME.ack) {
      otherLength = writeReceipt(otherLength, user.name, frames, at + 1);
      at += 9;
    } else {
      const nameEnd = at + 10 + frames[at + 9]!;
      const end = nameEnd + 4 + frames.readUInt32BE(nameEnd);
      const partner = users.get(frames.toString('latin1', at + 10, nameEnd))!;
      if (user.partner === undefined) pair(user, partner);
      const seq = ++user.conversation.seq;
      const time = Date.now();
      ownLength = writeSent(ownLength, frames, at + 1, seq, time);
      otherLength = writeMessage(otherLength, frames, at + 1, nameEnd, end, seq, time, user.name);
      at = end;
    }
  }
  if (ownLength > 0) write(user, own.subarray(0, ownLength));
  if (otherLength > 0) write(user.partner!, other.subarray(0, otherLength));
}

function write(user: User, frames: Buffer): void {
  if (!gathers) {
    user.socket.send(frames, true);
    return;
  }
  const { pending } = user;
  if (pending.length === 0 && dirty.push(user) === 1) setImmediate(flush);
  pending.reserve(frames.length);
  frames.copy(pending.buffer, pending.length);
  pending.length += frames.length;
}

function flush(): void {
  const users = dirty;
  dirty = [];
  for (const { socket, pending } of users) {
    socket.send(pending.view(), true);
    pending.reset();
  }
}

function pair(user: User, partner: User): void {
  user.partner = partner;
  partner.partner = user;
  partner.conversation = user.conversation;
}

/** The client message id is copied from the SEND frame (at `id`). */
function writeSent(at: number, send: Buffer, id: number, seq: number, time: number): number {
  own[at] = FRAME.sent;
  own.set(send.subarray(id, id + 8), at + 1);
  writeU64(own, at + 9, HIGH_ZERO, seq);
  writeU64(own, at + 17, time / TWO_32, time);
  return at + 25;
}

/** The id, the body and its length are copied from the SEND frame. */
function writeMessage(
  at: number,
  send: Buffer,
  id: number,
  body: number,
  end: number,
  seq: number,
  time: number,
  from: Buffer,
): number {
  other[at] = FRAME.message;
  other[at + 1] = 0;
  writeU64(other, at + 2, HIGH_ZERO, seq);
  other.set(send.subarray(id, id + 8), at + 10);
  writeU64(other, at + 18, time / TWO_32, time);
  other[at + 26] = from.length;
  other.set(from, at + 27);
  other.set(send.subarray(body, end), at + 27 + from.length);
  return at + 27 + from.length + end - body;
}

function writeReceipt(at: number, from: Buffer, ack: Buffer, seq: number): number {
  other[at] = FRAME.receipt;
  other[at + 1] = 1;
  other[at + 2] = from.length;
  other.set(from, at + 3);
  other.set(ack.subarray(seq, seq + 8), at + 3 + from.length);
  return at + 3 + from.length + 8;
}

function writeU64(b: Buffer, at: number, high: number, low: number): void {
  b.writeUInt32BE(high >>> 0, at);
  b.writeUInt32BE(low >>> 0, at + 4);
}

function tell(message: FromRelay): void {
  process.send!(message);
}
