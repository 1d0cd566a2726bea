/**
 * A lean WebSocket client for load generation: tens of thousands of connections in one process.
 *
 * What keeps it lean: one read buffer and one write buffer for all connections, one set of socket listeners (no closure
 * per event), one timer for all deadlines, no stream machinery while idle. What keeps it cheap: a message is masked in
 * place and leaves with one write; messages to one connection between `cork` and `uncork`, and all answers given while
 * it is being read, leave together.
 */
import { connect, type Socket } from 'node:net';
import { socketError } from './socket-error.ts';
import { DriverError } from './target-driver.ts';
import { FrameReader, type FrameSink, MaskedFrameWriter, OPCODE, WebSocketProtocolError } from './websocket-frames.ts';
import { acceptFor, type HandshakeRequest, handshakeRequest, responseProblem } from './websocket-handshake.ts';

/** What a client reports, for all of its connections. `data` is valid during the call only. */
export interface WebSocketHandler<Context> {
  open(connection: WebSocketConnection<Context>): void;
  message(connection: WebSocketConnection<Context>, data: Buffer, binary: boolean): void;
  /**
   * Called once for each `connect`, when the socket is gone; nothing follows. `code` is that of the server's close frame,
   * 1005 when that had none, 1006 when there was no close frame. `error` says what broke, if something did.
   */
  closed(connection: WebSocketConnection<Context>, code: number, reason: string, error: DriverError | undefined): void;
}

export interface WebSocketClientOptions {
  /** A random 32-bit integer a call, for masking keys: cheap, it need not be secret. */
  nextMask: () => number;
  /** A larger message from the server breaks the connection. Default 4 MiB. */
  maxMessageBytes?: number;
  /** How long to wait for the server's part of the close handshake. Default 2,000. */
  closeTimeoutMs?: number;
}

export interface WebSocketConnectOptions extends HandshakeRequest {
  /** Until the handshake is complete. */
  timeoutMs: number;
}

export class WebSocketClient<Context> {
  readonly handler: WebSocketHandler<Context>;
  readonly maxMessageBytes: number;
  readonly closeTimeoutMs: number;
  readonly nextMask: () => number;
  readonly #out: MaskedFrameWriter;
  readonly #deadlines = new Set<WebSocketConnection<Context>>();
  readonly #connections = new Set<WebSocketConnection<Context>>();
  #timer: NodeJS.Timeout | undefined;
  #corked: WebSocketConnection<Context> | undefined;
  #whenEmpty: Array<() => void> = [];

  constructor(handler: WebSocketHandler<Context>, options: WebSocketClientOptions) {
    this.handler = handler;
    this.nextMask = options.nextMask;
    this.maxMessageBytes = options.maxMessageBytes ?? 4 * 1024 * 1024;
    this.closeTimeoutMs = options.closeTimeoutMs ?? 2000;
    this.#out = new MaskedFrameWriter(options.nextMask);
  }

  /** Sockets in use, in whatever state. */
  get size(): number {
    return this.#connections.size;
  }

  /** Start a connection. The handler's `open` or `closed` follows, never before this returns. */
  connect(options: WebSocketConnectOptions, context: Context): WebSocketConnection<Context> {
    const connection = new WebSocketConnection(this, options, context);
    this.#connections.add(connection);
    this.setDeadline(connection, options.timeoutMs);
    return connection;
  }

  /** Hold what is sent to `connection` until `uncork`. One connection at a time; sends to others are not held. */
  cork(connection: WebSocketConnection<Context>): void {
    this.uncork();
    this.#corked = connection;
  }

  uncork(): void {
    const connection = this.#corked;
    this.#corked = undefined;
    if (connection !== undefined && this.#out.length > 0) this.#write(connection, 0);
  }

  /** Close all connections, in order with `code` or, without it, abruptly. Resolves when their sockets are gone. */
  async close(code?: number): Promise<void> {
    for (const connection of this.#connections) {
      if (code === undefined) connection.destroy();
      else connection.close(code);
    }
    if (this.#connections.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** @internal Let a connection handle what was read, with what it sends meanwhile corked. */
  read(connection: WebSocketConnection<Context>, bytes: Buffer): void {
    const outermost = this.#corked === undefined;
    if (outermost) this.#corked = connection;
    try {
      connection.handleBytes(bytes);
    } finally {
      if (outermost) this.uncork();
    }
  }

  /** @internal */
  transmit(connection: WebSocketConnection<Context>, opcode: number, payload: Uint8Array): void {
    const out = this.#out;
    const start = out.length;
    out.append(opcode, payload);
    if (connection !== this.#corked) this.#write(connection, start);
    else if (out.length > CORK_BYTES) this.#write(connection, 0);
  }

  /** @internal */
  setDeadline(connection: WebSocketConnection<Context>, afterMs: number): void {
    connection.deadline = performance.now() + afterMs;
    this.#deadlines.add(connection);
    this.#timer ??= setInterval(() => this.#checkDeadlines(), DEADLINE_INTERVAL_MS);
  }

  /** @internal */
  clearDeadline(connection: WebSocketConnection<Context>): void {
    if (this.#deadlines.delete(connection) && this.#deadlines.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  /** @internal */
  remove(connection: WebSocketConnection<Context>): void {
    this.clearDeadline(connection);
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    for (const resolve of this.#whenEmpty) resolve();
    this.#whenEmpty = [];
  }

  /** Hand the writer's bytes from `start` on to the socket. */
  #write(connection: WebSocketConnection<Context>, start: number): void {
    const out = this.#out;
    const socket = connection.socket;
    const frames = out.buffer.subarray(start, out.length);
    if (socket.destroyed) {
      out.length = start;
    } else if (socket.writableLength > 0) {
      socket.write(Buffer.from(frames));
      out.length = start;
    } else {
      socket.write(frames);
      // Usually the kernel has taken all of it by now; otherwise the socket goes on reading from the buffer.
      if (socket.writableLength > 0) out.abandon(start);
      else out.length = start;
    }
  }

  #checkDeadlines(): void {
    const now = performance.now();
    for (const connection of this.#deadlines) if (now >= connection.deadline) connection.handleDeadline();
  }
}

const STATE = { connecting: 0, open: 1, closing: 2, closed: 3 } as const;

/** One connection. Made by `WebSocketClient.connect`. */
export class WebSocketConnection<Context> implements FrameSink {
  context: Context;
  /** @internal */
  readonly socket: Socket;
  /** @internal `performance.now()` by which the current step must be done. */
  deadline = 0;
  readonly #client: WebSocketClient<Context>;
  readonly #reader = new FrameReader();
  #state: number = STATE.connecting;
  /** While connecting: what to send and what to expect. */
  #opening: Opening | undefined;
  #closeCode = 1006;
  #closeReason = '';
  #error: DriverError | undefined;

  constructor(client: WebSocketClient<Context>, options: WebSocketConnectOptions, context: Context) {
    this.#client = client;
    this.context = context;
    this.#opening = { options, accept: '', head: undefined };
    const { host, port } = options;
    const callback = (length: number): boolean => {
      client.read(this, READ_BUFFER.subarray(0, length));
      return true;
    };
    const socket = connect({ host, port, noDelay: true, onread: { buffer: READ_BUFFER, callback } }) as OwnedSocket;
    this.socket = socket;
    socket[OWNER] = this as WebSocketConnection<unknown>;
    socket.on('connect', onConnect);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  get isOpen(): boolean {
    return this.#state === STATE.open;
  }

  /** Bytes that the kernel has not taken yet. */
  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  /** Send one message; `data` may be reused after. Nothing is sent on a connection that is not open. */
  send(data: Uint8Array, binary = true): void {
    if (this.#state === STATE.open) this.#client.transmit(this, binary ? OPCODE.binary : OPCODE.text, data);
  }

  /** Read nothing from the socket, so that what the server sends piles up in the kernel and then at the server; or go on. */
  setPaused(paused: boolean): void {
    if (paused && this.#state === STATE.open) this.socket.pause();
    else if (this.socket.isPaused()) this.socket.resume();
  }

  /** Break the connection with an error unless this is called again, with undefined, within `ms`. */
  expectWithin(ms: number | undefined): void {
    if (this.#state !== STATE.open) return;
    if (ms === undefined) this.#client.clearDeadline(this);
    else this.#client.setDeadline(this, ms);
  }

  /** Close in order: a close frame, then wait for the server's, at most the close timeout. */
  close(code = 1000, reason = ''): void {
    if (this.#state === STATE.connecting) this.destroy();
    this.setPaused(false);
    if (this.#state === STATE.open) this.#sendClose(code, reason);
  }

  /** Break the connection at once, with a TCP reset. */
  destroy(): void {
    if (this.#state === STATE.closed) return;
    this.#state = STATE.closed;
    if (this.socket.connecting || this.socket.destroyed) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  /** @internal */
  handleConnect(): void {
    if (this.#opening === undefined || this.#state !== STATE.connecting) return;
    const key = randomKey(this.#client.nextMask);
    this.#opening.accept = acceptFor(key);
    this.socket.write(handshakeRequest(this.#opening.options, key), 'latin1');
  }

  /** @internal */
  handleBytes(bytes: Buffer): void {
    if (this.#state === STATE.closed) return;
    try {
      const frames = this.#opening === undefined ? bytes : this.#readHandshake(bytes, this.#opening);
      if (frames.length > 0) this.#reader.read(frames, this.#client.maxMessageBytes, this);
    } catch (error) {
      if (!(error instanceof WebSocketProtocolError)) throw error;
      this.#fail(new DriverError('server', `the server broke the WebSocket protocol: ${error.message}`), error.code);
    }
  }

  /** @internal */
  handleDeadline(): void {
    this.#client.clearDeadline(this);
    if (this.#state === STATE.connecting)
      this.#fail(new DriverError('server', `no answer to the WebSocket handshake in time from ${this.#peer()}`));
    else if (this.#state === STATE.open) this.#fail(new DriverError('server', 'the server did not answer in time'));
    else this.destroy();
  }

  /** @internal */
  handleError(error: NodeJS.ErrnoException): void {
    this.#error ??= socketError(
      error,
      this.#opening === undefined ? 'the connection broke' : `${this.#peer()} could not be reached`,
    );
  }

  /** @internal */
  handleClose(): void {
    const wasConnecting = this.#opening !== undefined;
    if (wasConnecting && this.#state === STATE.connecting)
      this.#error ??= new DriverError('server', `${this.#peer()} closed the connection during the handshake`);
    this.#state = STATE.closed;
    this.#opening = undefined;
    this.#client.remove(this);
    this.#client.handler.closed(this, this.#closeCode, this.#closeReason, this.#error);
  }

  onMessage(data: Buffer, binary: boolean): void {
    if (this.#state === STATE.open) this.#client.handler.message(this, data, binary);
  }

  onPing(data: Buffer): void {
    if (this.#state === STATE.open) this.#client.transmit(this, OPCODE.pong, data);
  }

  onClose(code: number, reason: string): void {
    this.#closeCode = code;
    this.#closeReason = reason;
    // The server closes the TCP connection, so that the port does not linger in TIME_WAIT on this side.
    if (this.#state === STATE.open) this.#sendClose(code === 1005 ? 1000 : code, '');
  }

  #sendClose(code: number, reason: string): void {
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    this.#client.transmit(this, OPCODE.close, payload.subarray(0, 125));
    this.#state = STATE.closing;
    this.#client.setDeadline(this, this.#client.closeTimeoutMs);
  }

  /** Collect the head of the response; returns what came after it. */
  #readHandshake(bytes: Buffer, opening: Opening): Buffer {
    const before = opening.head?.length ?? 0;
    const all = opening.head === undefined ? bytes : Buffer.concat([opening.head, bytes]);
    const end = all.indexOf('\r\n\r\n', Math.max(0, before - 3), 'latin1');
    if (end < 0) {
      if (all.length > MAX_HEAD_BYTES) this.#fail(new DriverError('server', 'the handshake response is too long'));
      opening.head = Buffer.from(all);
      return all.subarray(0, 0);
    }
    const problem = responseProblem(all.toString('latin1', 0, end), opening.accept, opening.options.protocol);
    if (problem !== undefined) {
      const body = all.toString('utf8', end + 4, end + 4 + 200).trim();
      this.#fail(new DriverError('server', body === '' ? problem : `${problem}: ${body}`));
      return all.subarray(0, 0);
    }
    this.#opening = undefined;
    this.#state = STATE.open;
    this.#client.clearDeadline(this);
    this.#client.handler.open(this);
    return all.subarray(end + 4);
  }

  /** End because of the other side's fault: a close frame with `code` if there is one and it can still be sent, then break. */
  #fail(error: DriverError, code?: number): void {
    this.#error ??= error;
    if (code !== undefined && this.#state === STATE.open) {
      this.#sendClose(code, '');
      this.#client.uncork();
    }
    if (this.#state === STATE.closed) return;
    this.#state = STATE.closed;
    this.socket.destroy();
  }

  #peer(): string {
    const { host, port } = this.#opening!.options;
    return `${host}:${port}`;
  }
}

interface Opening {
  options: WebSocketConnectOptions;
  accept: string;
  head: Buffer | undefined;
}

const DEADLINE_INTERVAL_MS = 50;
const MAX_HEAD_BYTES = 16_384;
/** A corked connection's messages leave when they exceed this. */
const CORK_BYTES = 16_384;

/** Reads of all connections land here, one at a time; what must outlive its handler is copied. */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);

const OWNER = Symbol('connection');
type OwnedSocket = Socket & { [OWNER]: WebSocketConnection<unknown> };

function onConnect(this: Socket): void {
  (this as OwnedSocket)[OWNER].handleConnect();
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  (this as OwnedSocket)[OWNER].handleError(error);
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[OWNER].handleClose();
}

function randomKey(nextMask: () => number): string {
  const bytes = Buffer.allocUnsafe(16);
  for (let at = 0; at < 16; at += 4) bytes.writeInt32LE(nextMask() | 0, at);
  return bytes.toString('base64');
}
