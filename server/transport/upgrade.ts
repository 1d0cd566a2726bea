/** What an upgrade request asks for, and why it may not have it. */
import type { HttpRequest } from 'uWebSockets.js';
import { encodeRedirect, type FrameWriter, isDeviceId, isUserId } from '../protocol/codec.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import { CLOSES } from '../protocol/errors.ts';
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL, LIMITS } from '../protocol/messages.ts';
import { logicalShard } from '../shard-map.ts';
import type { ConnectionData, Socket } from './connection.ts';
import type { WebSocketOptions } from './websocket.ts';

/** `json` is not known from it yet. */
export function readUpgrade(
  req: HttpRequest,
  options: Pick<WebSocketOptions, 'authenticator' | 'route'>,
): ConnectionData {
  const userName = req.getQuery('user') ?? '';
  const deviceId = req.getQuery('device') ?? 'default';
  const afterText = req.getQuery('after');
  const data: ConnectionData = {
    userName,
    deviceId,
    after: undefined,
    json: false,
    issuedAt: 0,
    expiresAt: Number.POSITIVE_INFINITY,
    refusal: null,
    connection: null,
    early: null,
  };
  const malformed =
    userProblem('user', userName) ??
    (isDeviceId(deviceId) ? null : `device must be 1 to ${LIMITS.deviceIdBytes} bytes without control characters`);
  if (malformed !== null) {
    data.refusal = { close: CLOSES.malformed, detail: malformed, redirect: '' };
    return data;
  }
  if (afterText !== undefined && afterText !== '') {
    const after = Number(afterText);
    if (!Number.isSafeInteger(after) || after < 0) {
      data.refusal = { close: CLOSES.malformed, detail: 'after must be a whole number from 0', redirect: '' };
      return data;
    }
    data.after = after;
  }
  const access = options.authenticator.admit(userName, bearerToken(req));
  if ('problem' in access) {
    data.refusal = { close: access.close, detail: access.problem, redirect: '' };
    return data;
  }
  data.issuedAt = access.issuedAt;
  data.expiresAt = access.expiresAt;
  const owner = options.route(userName, req.getHeader('host'));
  if (owner === '') {
    data.refusal = { close: CLOSES.internal, detail: 'the server of this user is not up yet', redirect: '' };
  } else if (typeof owner === 'string') {
    data.refusal = {
      close: CLOSES.redirected,
      detail: `shard ${logicalShard(userName)} lives elsewhere`,
      redirect: owner,
    };
  }
  return data;
}

/** Whether it is the opening handshake of RFC 6455, version 13: the library looks at nothing but the key. */
export function isHandshake(req: HttpRequest): boolean {
  const upgrade = req.getHeader('upgrade');
  const asks = upgrade === 'websocket' || tokens(upgrade.toLowerCase()).includes('websocket');
  return asks && req.getHeader('sec-websocket-version') === '13';
}

/** The subprotocol to answer with: binary if it is offered, else JSON; '' if neither is, and then JSON is spoken. */
export function chooseSubprotocol(req: HttpRequest): string {
  const first = req.getHeader('sec-websocket-protocol');
  if (first === '') return '';
  let offered = tokens(first);
  if (!offered.includes(BINARY_SUBPROTOCOL)) {
    // The header may stand there more than once, and the library gives the first.
    offered = [];
    req.forEach((name, value) => {
      if (name === 'sec-websocket-protocol') offered.push(...tokens(value));
    });
  }
  return [BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL].find((name) => offered.includes(name)) ?? '';
}

function tokens(header: string): string[] {
  return header.split(',').map((token) => token.trim());
}

/** Why a user id can't be used, or null. */
export function userProblem(what: string, name: string): string | null {
  if (name === '') return `${what} is missing`;
  return isUserId(name) ? null : `${what} must be 1 to ${LIMITS.userIdBytes} bytes of UTF-8 without control characters`;
}

/** The name in a `Host` header, without the port. */
export function hostName(header: string, otherwise: string): string {
  return header.replace(/:\d+$/, '') || otherwise;
}

/** The token of a request: `Authorization: Bearer …`, or the query's `token`; empty when there is none. */
export function bearerToken(req: HttpRequest): string {
  const header = req.getHeader('authorization');
  return header.startsWith('Bearer ') ? header.slice(7) : (req.getQuery('token') ?? '');
}

/** Say why (and where to go), then close. */
export function refuse(socket: Socket, data: ConnectionData, writer: FrameWriter): void {
  const { close, detail, redirect } = data.refusal!;
  if (redirect !== '') {
    writer.reset();
    encodeRedirect(writer, redirect);
    if (data.json) for (const text of jsonFromServerFrames(writer.view())) socket.send(text, false);
    else socket.send(writer.view(), true);
  }
  socket.end(close.code, detail);
}
