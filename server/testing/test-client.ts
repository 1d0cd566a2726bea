/** A chat client of the `ws` library for whole-program tests, JSON or binary. */
import { WebSocket } from 'ws';
import { FrameWriter } from '../protocol/codec.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import { type BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL, type ServerMessage } from '../protocol/messages.ts';
import { until } from './until.ts';

/** A frame in the form of its JSON twin. */
export type Frame = Omit<Partial<ServerMessage>, 'type' | 'body'> & {
  type: ServerMessage['type'];
  seq?: number;
  id?: number;
  time?: number;
  code?: number;
  body?: string;
  url?: string;
  head?: number;
  after?: number;
  upTo?: number;
  state?: string;
  peer?: string;
  text?: string;
  direction?: string;
  position?: number;
};

export interface TestClientOptions {
  device?: string;
  after?: number | string;
  token?: string;
  headers?: Record<string, string>;
  protocol?: typeof JSON_SUBPROTOCOL | typeof BINARY_SUBPROTOCOL | null;
}

export class TestClient {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  /** The text or bytes of each WebSocket message, as they came. */
  readonly raw: Array<string | Buffer> = [];
  closed: { code: number; reason: string } | null = null;
  #taken = 0;

  /** `url` is that of a process; one with a query is taken as it is. */
  constructor(url: string, user: string, options: TestClientOptions = {}) {
    const query = new URLSearchParams({ user });
    for (const name of ['device', 'after', 'token'] as const) {
      if (options[name] !== undefined) query.set(name, `${options[name]}`);
    }
    const address = url.includes('?') ? url : `${url}/v1/connect?${query}`;
    const protocol = options.protocol === undefined ? JSON_SUBPROTOCOL : options.protocol;
    this.socket = new WebSocket(address, protocol === null ? [] : [protocol], {
      perMessageDeflate: false,
      headers: options.headers ?? {},
    });
    this.socket.on('message', (data: Buffer, isBinary) => {
      this.raw.push(isBinary ? data : data.toString());
      const texts = isBinary ? jsonFromServerFrames(data) : [data.toString()];
      for (const text of texts) this.frames.push(JSON.parse(text));
    });
    this.socket.on('error', () => {}); // the close follows
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
  }

  /** Connects and waits for the welcome. */
  static async open(url: string, user: string, options: TestClientOptions = {}): Promise<TestClient> {
    const client = new TestClient(url, user, options);
    await client.next('welcome');
    return client;
  }

  /** The next frame of a type among those not yet taken; frames before it are passed over. */
  async next(type: Frame['type']): Promise<Frame> {
    const at = await until(`a ${type} frame`, () => {
      const index = this.frames.findIndex((frame, i) => i >= this.#taken && frame.type === type);
      if (index < 0 && this.closed)
        throw new Error(`closed (${this.closed.code}) while a ${type} frame was waited for`);
      return index >= 0 && { index };
    });
    this.#taken = at.index + 1;
    return this.frames[at.index]!;
  }

  of(type: Frame['type']): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** Until `count` frames of a type have come. */
  async count(type: Frame['type'], count: number): Promise<Frame[]> {
    return until(`${count} ${type} frames`, () => this.of(type).length >= count && this.of(type));
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Sends binary frames. */
  write(encode: (writer: FrameWriter) => void): void {
    const writer = new FrameWriter();
    encode(writer);
    this.socket.send(writer.take());
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.untilClosed();
  }

  async untilClosed(): Promise<{ code: number; reason: string }> {
    return until('the close', () => this.closed);
  }
}
