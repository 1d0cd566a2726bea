/** A chat client that speaks WebSocket frame by frame, over a bare connection. */
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import { type BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from '../protocol/messages.ts';
import { RawSocket } from './raw-socket.ts';
import type { Frame } from './test-client.ts';
import { until } from './until.ts';
import { OPCODES, type ServerFrame, serverFrames } from './websocket-frames.ts';

export class FrameClient {
  readonly raw: RawSocket;
  readonly user: string;

  private constructor(raw: RawSocket, user: string) {
    this.raw = raw;
    this.user = user;
    raw.socket.setNoDelay(true);
  }

  /** Resolves after the welcome has come. The user should have no history: what follows at once on the welcome is not kept. */
  static async open(
    url: string,
    user: string,
    protocol: typeof BINARY_SUBPROTOCOL | typeof JSON_SUBPROTOCOL = JSON_SUBPROTOCOL,
  ): Promise<FrameClient> {
    return new FrameClient(await RawSocket.open(url, user, protocol), user);
  }

  /** One write after the other, each of which leaves as a TCP segment of its own. */
  async writeApart(pieces: Iterable<Uint8Array>): Promise<void> {
    for (const piece of pieces) {
      this.raw.socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  write(...pieces: Buffer[]): void {
    this.raw.socket.write(Buffer.concat(pieces));
  }

  /** What has come since the welcome; those of one opcode if it is given. */
  frames(opcode?: number): ServerFrame[] {
    const all = serverFrames(this.raw.received);
    return opcode === undefined ? all : all.filter((frame) => frame.opcode === opcode);
  }

  /** The answers of the chat protocol in the form of their JSON twins. */
  answers(type: Frame['type']): Frame[] {
    const texts = this.frames().flatMap(({ opcode, payload }) => {
      if (opcode === OPCODES.text) return [payload.toString()];
      return opcode === OPCODES.binary ? jsonFromServerFrames(payload) : [];
    });
    return texts.map((text) => JSON.parse(text) as Frame).filter((frame) => frame.type === type);
  }

  async untilSent(id: number): Promise<void> {
    await until(`sent ${id}`, () => {
      if (this.answers('sent').some((sent) => sent.id === id)) return true;
      if (this.raw.ended) throw new Error(`the connection ended before sent ${id}`);
      return false;
    });
  }

  /** Waits for the end. `code reason` of the close frame, '' of one without a code; null: cut without one. */
  async closing(): Promise<string | null> {
    await this.raw.untilEnded();
    const closes = this.frames(OPCODES.close);
    if (closes.length === 0) return null;
    if (closes.length > 1) throw new Error(`${closes.length} close frames`);
    const { payload } = closes[0]!;
    return payload.length === 0 ? '' : `${payload.readUInt16BE(0)} ${payload.subarray(2)}`.trim();
  }

  destroy(): void {
    this.raw.destroy();
  }
}
