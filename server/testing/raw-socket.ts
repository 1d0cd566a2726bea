/** A bare TCP connection with a WebSocket handshake: for what a well-behaved client library would never send. */
import { connect, type Socket } from 'node:net';
import { BINARY_SUBPROTOCOL, type JSON_SUBPROTOCOL } from '../protocol/messages.ts';
import { until } from './until.ts';

export class RawSocket {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  ended = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.socket.on('error', () => {}); // the close follows
    this.socket.on('close', () => {
      this.ended = true;
    });
  }

  /** Resolves after the welcome has come. */
  static async open(
    url: string,
    user: string,
    protocol: typeof BINARY_SUBPROTOCOL | typeof JSON_SUBPROTOCOL = BINARY_SUBPROTOCOL,
  ): Promise<RawSocket> {
    const { port, host } = new URL(url);
    const raw = new RawSocket(Number(port));
    raw.socket.write(
      [
        `GET /v1/connect?user=${user} HTTP/1.1`,
        `Host: ${host}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        `Sec-WebSocket-Protocol: ${protocol}`,
        '\r\n',
      ].join('\r\n'),
    );
    // Head of the response, then a binary or text frame: the welcome.
    const welcome = Buffer.from(protocol === BINARY_SUBPROTOCOL ? '\r\n\r\n\x82' : '\r\n\r\n\x81', 'latin1');
    await until('the welcome', () => raw.received.includes(welcome));
    raw.received = Buffer.alloc(0);
    return raw;
  }

  /** A frame header and payload, masked (with zeros) or not; `length` may lie about the payload. */
  writeFrame(opcode: number, payload: Buffer, options: { masked?: boolean; length?: number } = {}): void {
    const { masked = true, length = payload.length } = options;
    const header = Buffer.alloc(10);
    header[0] = 0x80 | opcode;
    header[1] = (masked ? 0x80 : 0) | 127;
    header.writeBigUInt64BE(BigInt(length), 2);
    this.socket.write(Buffer.concat([header, masked ? Buffer.alloc(4) : Buffer.alloc(0), payload]));
  }

  /** The code of the close frame if one has come. */
  get closeCode(): number | undefined {
    const at = this.received.indexOf(0x88);
    return at < 0 || this.received.length < at + 4 ? undefined : this.received.readUInt16BE(at + 2);
  }

  async untilEnded(): Promise<void> {
    await until('the end of the connection', () => this.ended);
  }

  destroy(): void {
    this.socket.destroy();
  }
}
