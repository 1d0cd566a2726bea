/** A hostile connection over TCP: handshake, attack, and after the welcome a ping, to see that the server has read it all. */
import { connect } from 'node:net';
import { FrameReader, WebSocketProtocolError } from '../../loadgen/drivers/websocket-frames.ts';
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from '../../server/protocol/messages.ts';
import type { Attack } from './fuzz-attack.ts';

/** How it ended: still answering, closed with a code, cut without one, or silent for too long. */
export type Outcome = { end: 'answering' } | { end: 'closed'; code: number } | { end: 'cut' } | { end: 'silent' };

export interface FuzzTarget {
  port: number;
  user: string;
  /** `after` in the query; null: none. */
  after: string | null;
}

const SILENT_AFTER_MS = 20_000;
/** What is not even WebSocket may leave the server waiting for the rest. */
const GARBAGE_WAIT_MS = 40;
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
const PING = Buffer.from([0x89, 0x84, 0, 0, 0, 0, 0x66, 0x75, 0x7a, 0x7a]);
const PONG = Buffer.from([0x8a, 0x04, 0x66, 0x75, 0x7a, 0x7a]);

export function attackOver(target: FuzzTarget, attack: Attack): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ port: target.port, host: '127.0.0.1', noDelay: true });
    const reader = new FrameReader();
    let head: Buffer | null = Buffer.alloc(0);
    let code: number | undefined;
    let settled = false;
    let asked = false;
    let tail: Buffer = Buffer.alloc(0);
    const settle = (outcome: Outcome): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(
      () => settle({ end: 'silent' }),
      attack.expect === 'any' ? GARBAGE_WAIT_MS : SILENT_AFTER_MS,
    );
    const sink = {
      onMessage: () => {
        // What came before the welcome was held back until now, and is heard before this.
        if (!asked && attack.expect === 'open') socket.write(PING);
        asked = true;
      },
      onPing: () => {},
      onClose: (closeCode: number) => {
        code = closeCode;
        settle({ end: 'closed', code: closeCode });
      },
    };
    socket.on('error', () => {}); // the close follows
    socket.on('close', () => settle(code === undefined ? { end: 'cut' } : { end: 'closed', code }));
    socket.on('data', (chunk: Buffer) => {
      let bytes = chunk;
      if (head !== null) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        bytes = head.subarray(end + 4);
        head = null;
        // Not before: what comes with the request is nobody's.
        for (const piece of attack.writes) socket.write(piece);
      }
      try {
        reader.read(bytes, MAX_MESSAGE_BYTES, sink);
      } catch (error) {
        if (!(error instanceof WebSocketProtocolError)) throw error;
        settle({ end: 'cut' });
      }
      tail = Buffer.concat([tail, bytes]);
      if (tail.includes(PONG)) settle({ end: 'answering' });
      tail = tail.subarray(-PONG.length);
    });
    socket.write(requestOf(target, attack.json));
  });
}

function requestOf({ port, user, after }: FuzzTarget, json: boolean): string {
  const query = `user=${user}&device=f${after === null ? '' : `&after=${after}`}`;
  return (
    `GET /v1/connect?${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n` +
    `Sec-WebSocket-Protocol: ${json ? JSON_SUBPROTOCOL : BINARY_SUBPROTOCOL}\r\n\r\n`
  );
}
