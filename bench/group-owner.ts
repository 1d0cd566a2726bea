/** The one connection of a benchmark that does what the driver of the load generator has no words for: makes a group, writes to it. */
import { ShardDirectory } from '../loadgen/drivers/shard-directory.ts';
import { WebSocketClient, type WebSocketConnection } from '../loadgen/drivers/websocket-client.ts';
import { decodeServerFrames, encodeAck, encodeGroup, encodeSendGroup, FrameWriter } from '../server/protocol/codec.ts';
import { BINARY_SUBPROTOCOL, LIMITS } from '../server/protocol/messages.ts';

const TIMEOUT_MS = 20_000;

export class GroupOwner {
  #connection!: WebSocketConnection<null>;
  #writer = new FrameWriter();
  #answers = new Map<number, () => void>();
  #welcomed: () => void = () => {};
  #fail: (message: string) => void;

  private constructor(fail: (message: string) => void) {
    this.#fail = fail;
  }

  /** `target`: `ws://host:port` of a router. */
  static async connect(target: string, user: string, fail: (message: string) => void): Promise<GroupOwner> {
    const directory = new ShardDirectory(target);
    await directory.refresh();
    const owner = new GroupOwner(fail);
    const client = new WebSocketClient<null>(
      {
        open: () => {},
        message: (_ws, data) => owner.#hear(data),
        closed: (_ws, code, reason) => fail(`the owner's connection was lost: ${code} ${reason}`),
      },
      { nextMask: () => 0x5a5a5a5a },
    );
    const welcomed = new Promise<void>((resolve) => {
      owner.#welcomed = resolve;
    });
    const path = `/v1/connect?user=${user}&device=bench&after=0`;
    const endpoint = directory.endpoint(user)!;
    owner.#connection = client.connect(
      { ...endpoint, path, protocol: BINARY_SUBPROTOCOL, timeoutMs: TIMEOUT_MS },
      null,
    );
    await welcomed;
    return owner;
  }

  /** Resolves once all are members. */
  async create(group: string, members: string[]): Promise<void> {
    let id = 0;
    await this.#ask(++id, (w) => encodeGroup(w, id, 'create', group, false, []));
    for (let at = 0; at < members.length; at += LIMITS.namedUsers) {
      await this.#ask(++id, (w) => encodeGroup(w, id, 'add', group, false, members.slice(at, at + LIMITS.namedUsers)));
    }
  }

  send(group: string, id: number, body: Uint8Array): void {
    this.#write((w) => encodeSendGroup(w, id, group, body));
  }

  #ask(id: number, encode: (w: FrameWriter) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#write(encode);
    });
  }

  #write(encode: (w: FrameWriter) => void): void {
    this.#writer.reset();
    encode(this.#writer);
    this.#connection.send(this.#writer.view());
  }

  #hear(data: Buffer): void {
    decodeServerFrames(data, {
      welcome: () => this.#welcomed(),
      sent: () => {},
      message: (_direction, seq) => this.#write((w) => encodeAck(w, seq)),
      receipt: () => {},
      error: (code, id, _retryAfterMs, text) => this.#fail(`error ${code} for ${id}: ${text}`),
      redirect: (url) => this.#fail(`redirected to ${url}`),
      reset: () => this.#fail('the timeline was reset'),
      group: (id) => {
        this.#answers.get(id)?.();
        this.#answers.delete(id);
      },
      presence: () => {},
    });
  }
}
