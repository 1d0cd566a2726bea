/** The main transport: WebSocket connections, binary or JSON, from upgrade to close. */
import uWS from 'uWebSockets.js';
import type { Volume } from '../messenger/volume.ts';
import {
  type ClientFrames,
  decodeClientFrames,
  encodeRedirect,
  encodeReset,
  encodeWelcome,
  FrameError,
  FrameWriter,
  isDeviceId,
  isUserId,
} from '../protocol/codec.ts';
import { decodeClientJson, jsonFromServerFrames } from '../protocol/codec-json.ts';
import { CLOSES } from '../protocol/errors.ts';
import {
  BINARY_SUBPROTOCOL,
  type GroupAction,
  JSON_SUBPROTOCOL,
  LIMITS,
  type PresenceAction,
} from '../protocol/messages.ts';
import { logicalShard } from '../shard-map.ts';
import type { Authenticator } from './authentication.ts';
import { Connection, type ConnectionData, type ConnectionOutbox, type Socket } from './connection.ts';

export const CONNECT_PATH = '/v1/connect';
/** The largest body in a JSON frame takes six bytes for one (`\u0000`), and the other fields some more. */
const JSON_BYTES_PER_BODY_BYTE = 6;
const FRAME_OVERHEAD_BYTES = 1_024;

/**
 * The volume that owns a user, or the URL of the process that has it, for a client that reached this one as `host`
 * (`Host` header); an empty URL if that is not known yet.
 */
export type Route = (user: string, host: string) => Volume | string;

export interface WebSocketOptions {
  authenticator: Authenticator;
  route: Route;
  outbox: ConnectionOutbox;
  idleTimeoutSeconds: number;
  maxBodyBytes: number;
  now: () => number;
  log: (message: string) => void;
}

export interface WebSocketCounts {
  connections: number;
  opened: number;
  closed: number;
  malformed: number;
  unauthorised: number;
  redirected: number;
}

/** Installs the WebSocket endpoint on the app. */
export function serveWebSockets(
  app: uWS.TemplatedApp,
  options: WebSocketOptions,
): { counts: WebSocketCounts; all: Set<Connection> } {
  const counts: WebSocketCounts = {
    connections: 0,
    opened: 0,
    closed: 0,
    malformed: 0,
    unauthorised: 0,
    redirected: 0,
  };
  const all = new Set<Connection>();
  const writer = new FrameWriter(4_096);
  const sink = new ConnectionFrames();
  const maxMessageBytes = jsonMessageBytes(options.maxBodyBytes);

  app.ws<ConnectionData>(CONNECT_PATH, {
    compression: uWS.DISABLED,
    // The library cuts a connection over its limit without a code: up to twice what is allowed is closed here, with one.
    maxPayloadLength: maxMessageBytes * 2,
    // What is over the limit is closed by Connection, with a code; the library would skip messages silently.
    maxBackpressure: 0,
    closeOnBackpressureLimit: false,
    idleTimeout: options.idleTimeoutSeconds,
    sendPingsAutomatically: true,

    upgrade(res, req, context) {
      const data = readUpgrade(req, options);
      const offered = req.getHeader('sec-websocket-protocol');
      const protocols = offered.split(',').map((name) => name.trim());
      data.json = !protocols.includes(BINARY_SUBPROTOCOL);
      const chosen = data.json ? (protocols.includes(JSON_SUBPROTOCOL) ? JSON_SUBPROTOCOL : '') : BINARY_SUBPROTOCOL;
      res.upgrade(data, req.getHeader('sec-websocket-key'), chosen, req.getHeader('sec-websocket-extensions'), context);
    },

    open(socket) {
      counts.opened++;
      counts.connections++;
      const data = socket.getUserData();
      if (data.refusal !== null) {
        if (data.refusal.close === CLOSES.unauthorised) counts.unauthorised++;
        else if (data.refusal.close === CLOSES.redirected) counts.redirected++;
        else if (data.refusal.close === CLOSES.malformed) counts.malformed++;
        refuse(socket, data, writer);
        return;
      }
      const volume = options.route(data.userName, '') as Volume;
      const user = volume.users.get(data.userName);
      if (user !== undefined) {
        welcome(data, new Connection(socket, user, volume, data, options.outbox));
        return;
      }
      volume.users.load(data.userName).then(
        (loaded) => {
          if (gone.has(data)) return;
          welcome(data, new Connection(socket, loaded, volume, data, options.outbox));
        },
        (error: Error) => {
          options.log(`can't load user ${data.userName}: ${error.message}`);
          if (!gone.has(data)) socket.end(CLOSES.internal.code, CLOSES.internal.text);
        },
      );
    },

    message(socket, message, isBinary) {
      const data = socket.getUserData();
      if (data.connection !== null) hear(data.connection, data.json, Buffer.from(message), isBinary);
      else if (data.refusal === null && !gone.has(data)) hold(socket, data, Buffer.from(message.slice(0)), isBinary);
    },

    drain(socket) {
      const { connection } = socket.getUserData();
      if (connection !== null && !connection.closed) connection.volume.resume.drained(connection);
    },

    close(socket) {
      counts.connections--;
      counts.closed++;
      const data = socket.getUserData();
      gone.add(data);
      const { connection } = data;
      if (connection === null) return;
      connection.closed = true;
      all.delete(connection);
      connection.volume.detach(connection);
      data.connection = null;
    },
  });

  /** Upgrades whose socket closed while the user was being loaded. */
  const gone = new WeakSet<ConnectionData>();

  function hear(connection: Connection, json: boolean, message: Buffer, isBinary: boolean): void {
    if (connection.closed) return;
    if (message.length > maxMessageBytes) {
      counts.malformed++;
      connection.close(CLOSES.tooLarge);
      return;
    }
    sink.connection = connection;
    try {
      if (isBinary) decodeClientFrames(message, sink);
      else if (json) decodeClientJson(message.toString(), sink);
      else throw new FrameError('a text message on a binary connection');
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      counts.malformed++;
      connection.close(CLOSES.malformed, `${CLOSES.malformed.text}: ${error.reason}`);
    }
  }

  /** A message that came before the welcome, while the user is being loaded. */
  function hold(socket: Socket, data: ConnectionData, message: Buffer, isBinary: boolean): void {
    data.early ??= { bytes: 0, messages: [] };
    data.early.bytes += message.length;
    data.early.messages.push({ data: message, isBinary });
    // The store does not answer and the client goes on: more is not kept for it.
    if (data.early.bytes > maxMessageBytes * 2) socket.end(CLOSES.internal.code, CLOSES.internal.text);
  }

  function welcome(data: ConnectionData, connection: Connection): void {
    data.connection = connection;
    all.add(connection);
    const { head, after, reset } = connection.volume.attach(connection, data.after);
    writer.reset();
    encodeWelcome(writer, {
      type: 'welcome',
      user: data.userName,
      device: data.deviceId,
      head,
      after,
      time: options.now(),
      idleTimeoutSeconds: options.idleTimeoutSeconds,
      maxBodyBytes: options.maxBodyBytes,
    });
    if (reset) encodeReset(writer, after);
    connection.write(writer.take());
    connection.volume.start(connection, reset);
    // While the library still holds back the answer to the upgrade: both leave in one system call.
    connection.flush();
    const early = data.early?.messages ?? [];
    data.early = null;
    for (const { data: message, isBinary } of early) hear(connection, data.json, message, isBinary);
  }

  return { counts, all };
}

/** Where decoded frames of a connection go. One object for the process: decoding is synchronous. */
class ConnectionFrames implements ClientFrames {
  connection!: Connection;

  send(id: number, to: string, body: Buffer): void {
    this.connection.volume.sending.send(this.connection, id, to, body);
  }

  ack(seq: number): void {
    this.connection.volume.receipts.acknowledge(this.connection.user, seq);
  }

  status(peers: string[]): void {
    this.connection.volume.receipts.status(this.connection, peers);
  }

  sendGroup(id: number, group: string, body: Buffer): void {
    this.connection.volume.sending.sendGroup(this.connection, id, group, body);
  }

  group(id: number, action: GroupAction, group: string, open: boolean, users: string[]): void {
    this.connection.volume.groups.request(this.connection, { type: 'group', id, action, group, open, users });
  }

  presence(action: PresenceAction, users: string[]): void {
    this.connection.volume.presence.request(this.connection, action, users);
  }
}

function readUpgrade(req: uWS.HttpRequest, options: WebSocketOptions): ConnectionData {
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

/** The largest JSON message that a client may send. */
export function jsonMessageBytes(maxBodyBytes: number): number {
  return maxBodyBytes * JSON_BYTES_PER_BODY_BYTE + FRAME_OVERHEAD_BYTES;
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
export function bearerToken(req: uWS.HttpRequest): string {
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
