/** The main transport: WebSocket connections, binary or JSON, from upgrade to close. */
import uWS from 'uWebSockets.js';
import type { Volume } from '../messenger/volume.ts';
import { decodeClientFrames, encodeReset, encodeWelcome, FrameError, FrameWriter } from '../protocol/codec.ts';
import { decodeClientJson } from '../protocol/codec-json.ts';
import { CLOSES } from '../protocol/errors.ts';
import { BINARY_SUBPROTOCOL } from '../protocol/messages.ts';
import type { Authenticator } from './authentication.ts';
import { Connection, type ConnectionData, type ConnectionOutbox, type Socket } from './connection.ts';
import { ConnectionFrames } from './connection-frames.ts';
import { chooseSubprotocol, isHandshake, readUpgrade, refuse } from './upgrade.ts';

export { bearerToken, chooseSubprotocol, hostName, isHandshake, refuse, userProblem } from './upgrade.ts';

export const CONNECT_PATH = '/v1/connect';
/** The largest body in a JSON frame takes six bytes for one (`\u0000`), and the other fields some more. */
const JSON_BYTES_PER_BODY_BYTE = 6;
const FRAME_OVERHEAD_BYTES = 1_024;
/** What a message that is kept costs besides its bytes. */
const HELD_MESSAGE_BYTES = 128;

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
      if (!isHandshake(req)) {
        req.setYield(true); // to the hint that HTTP gives there
        return;
      }
      const data = readUpgrade(req, options);
      const chosen = chooseSubprotocol(req);
      data.json = chosen !== BINARY_SUBPROTOCOL;
      res.upgrade(data, req.getHeader('sec-websocket-key'), chosen, req.getHeader('sec-websocket-extensions'), context);
    },

    open(socket) {
      counts.opened++;
      counts.connections++;
      const data = socket.getUserData();
      if (data.refusal !== null) {
        options.outbox.countClose(data.refusal.close);
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
          // Its volume is being handed to another process: it comes back and is sent there.
          if (volume.draining) socket.end(CLOSES.goingAway.code, CLOSES.goingAway.text);
          else welcome(data, new Connection(socket, loaded, volume, data, options.outbox));
        },
        (error: Error) => {
          options.log(`can't load user ${data.userName}: ${error.message}`);
          if (!gone.has(data)) fail(socket);
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
      if (connection === null || connection.closed) return;
      connection.drained = true;
      connection.volume.resume.drained(connection);
    },

    ping: useless,
    pong: useless,

    close(socket) {
      counts.connections--;
      counts.closed++;
      const data = socket.getUserData();
      gone.add(data);
      const { connection } = data;
      if (connection === null) return;
      connection.closed = true;
      data.connection = null;
      if (!all.delete(connection)) return; // it was never welcomed
      options.outbox.watch.forget(connection);
      connection.volume.detach(connection);
    },
  });

  /** Pings are answered by the library, and pongs that are no answers are idle talk. */
  function useless(socket: Socket): void {
    socket.getUserData().connection?.spend(1);
  }

  /** Upgrades whose socket closed while the user was being loaded. */
  const gone = new WeakSet<ConnectionData>();

  function hear(connection: Connection, json: boolean, message: Buffer, isBinary: boolean): void {
    if (connection.closed) return;
    if (message.length > maxMessageBytes) {
      counts.malformed++;
      connection.close(CLOSES.tooLarge);
      return;
    }
    if (message.length === 0) connection.spend(1);
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

  function fail(socket: Socket): void {
    options.outbox.countClose(CLOSES.internal);
    socket.end(CLOSES.internal.code, CLOSES.internal.text);
  }

  /** A message that came before the welcome, while the user is being loaded. */
  function hold(socket: Socket, data: ConnectionData, message: Buffer, isBinary: boolean): void {
    data.early ??= { bytes: 0, messages: [] };
    data.early.bytes += message.length + HELD_MESSAGE_BYTES;
    data.early.messages.push({ data: message, isBinary });
    // The store does not answer and the client goes on: more is not kept for it.
    if (data.early.bytes > maxMessageBytes * 2) fail(socket);
  }

  function welcome(data: ConnectionData, connection: Connection): void {
    data.connection = connection;
    // While the user was being loaded.
    if (data.issuedAt <= connection.volume.revocations.upTo(data.userName)) {
      connection.close(CLOSES.revoked);
      return;
    }
    all.add(connection);
    options.outbox.watch.expireAt(connection, data.expiresAt);
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

/** The largest JSON message that a client may send. */
export function jsonMessageBytes(maxBodyBytes: number): number {
  return maxBodyBytes * JSON_BYTES_PER_BODY_BYTE + FRAME_OVERHEAD_BYTES;
}
