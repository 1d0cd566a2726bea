/** The opening handshake of RFC 6455, client side, as text to send and text to check. No sockets here. */
import { createHash } from 'node:crypto';

export interface HandshakeRequest {
  host: string;
  port: number;
  /** Path and query, starting with `/`. */
  path: string;
  /** One subprotocol, which the server must choose; undefined: none. */
  protocol?: string;
  /** More request headers, such as Authorization. */
  headers?: Record<string, string>;
}

/** The request text. `key` is 16 random bytes in base64. */
export function handshakeRequest(request: HandshakeRequest, key: string): string {
  let text =
    `GET ${request.path} HTTP/1.1\r\nHost: ${request.host}:${request.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n`;
  if (request.protocol !== undefined) text += `Sec-WebSocket-Protocol: ${request.protocol}\r\n`;
  for (const name in request.headers) text += `${name}: ${request.headers[name]}\r\n`;
  return `${text}\r\n`;
}

/** What the server must answer to `key`. */
export function acceptFor(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** What is wrong with the head of a response (everything before the empty line), or undefined when it opens the connection. */
export function responseProblem(head: string, accept: string, protocol: string | undefined): string | undefined {
  const lines = head.split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3})(?: (.*))?$/.exec(lines[0]!);
  if (status === null) return 'the server did not answer in HTTP';
  if (status[1] !== '101') return `the server answered ${status[1]} ${status[2] ?? ''}`.trimEnd();
  const headers = new Map<string, string>();
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') return 'the response has no "Upgrade: websocket"';
  if (!/\bupgrade\b/i.test(headers.get('connection') ?? '')) return 'the response has no "Connection: Upgrade"';
  if (headers.get('sec-websocket-accept') !== accept) return 'the response has a wrong Sec-WebSocket-Accept';
  if (headers.has('sec-websocket-extensions')) return 'the server chose an extension that was not offered';
  if (headers.get('sec-websocket-protocol') !== protocol)
    return `the server chose the subprotocol "${headers.get('sec-websocket-protocol') ?? ''}" instead of "${protocol ?? ''}"`;
  return undefined;
}
