/**
 * The node's front door: tells clients which process holds which user, and operators how the node is. It serves no chat
 * itself; a WebSocket opened here is redirected.
 */
import uWS from 'uWebSockets.js';
import { prometheusText } from './metrics.ts';
import { FrameWriter } from './protocol/codec.ts';
import { CLOSES } from './protocol/errors.ts';
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from './protocol/messages.ts';
import { LOGICAL_SHARDS, logicalShard, type Owner, volumeRange, volumeTable } from './shard-map.ts';
import type { NodeStats } from './supervisor.ts';
import type { ConnectionData } from './transport/connection.ts';
import { listen } from './transport/listen.ts';
import { CONNECT_PATH, hostName, refuse, userProblem } from './transport/websocket.ts';

export interface RouterOptions {
  host: string;
  extraHosts: string[];
  port: number;
  publicHost: string | null;
  volumes: number;
  processes: number;
  portOf: (process: number) => number;
  stats: () => NodeStats;
}

export interface Router {
  port: number;
  stop(): void;
}

const STARTING = 'the server of this user is starting; ask again later';

/** Rejects with PortTakenError. */
export async function startRouter(options: RouterOptions): Promise<Router> {
  const app = uWS.App();
  const table = volumeTable(options.volumes);
  const writer = new FrameWriter();
  /** Empty while the process is being started for the first time and its port is not known. */
  const urlOf = (volume: number, host: string): string => {
    const port = options.portOf(volume % options.processes);
    return port === 0 ? '' : `ws://${host}:${port}`;
  };
  // The name by which the client reached the router is the one by which it reaches the shards.
  const hostOf = (req: uWS.HttpRequest): string => options.publicHost ?? hostName(req.getHeader('host'), options.host);

  app.get('/v1/route', (res, req) => {
    const user = req.getQuery('user') ?? '';
    const problem = userProblem('user', user);
    if (problem !== null) return reply(res, '400 Bad Request', { error: problem });
    const shard = logicalShard(user);
    const url = urlOf(table[shard]!, hostOf(req));
    if (url === '') return reply(res, '503 Service Unavailable', { error: STARTING });
    reply(res, '200 OK', { user, shard, url });
  });
  app.get('/v1/shards', (res, req) => {
    const host = hostOf(req);
    const owners: Owner[] = Array.from({ length: options.volumes }, (_, volume) => ({
      url: urlOf(volume, host),
      ...volumeRange(volume, options.volumes),
    })).filter(({ url }) => url !== '');
    reply(res, '200 OK', { logicalShards: LOGICAL_SHARDS, owners });
  });
  app.get('/v1/health', (res) => {
    const { shards } = options.stats();
    const healthy = shards.every((shard) => shard.up && (shard.stats?.healthy ?? true));
    reply(res, healthy ? '200 OK' : '503 Service Unavailable', {
      healthy,
      shards: shards.map(({ index, up, stats }) => ({ index, up, storeHealthy: stats?.healthy ?? null })),
    });
  });
  app.get('/v1/stats', (res) => reply(res, '200 OK', options.stats()));
  app.get('/metrics', (res) => {
    res.cork(() => res.writeHeader('content-type', 'text/plain; version=0.0.4').end(prometheusText(options.stats())));
  });
  app.any('/*', (res) => reply(res, '404 Not Found', { error: 'no such path; see PROTOCOL.md' }));

  app.ws<ConnectionData>(CONNECT_PATH, {
    compression: uWS.DISABLED,
    idleTimeout: 8,
    upgrade(res, req, context) {
      const user = req.getQuery('user') ?? '';
      const protocols = req
        .getHeader('sec-websocket-protocol')
        .split(',')
        .map((name) => name.trim());
      const json = !protocols.includes(BINARY_SUBPROTOCOL);
      const refusal = refusalOf(user, hostOf(req));
      res.upgrade<ConnectionData>(
        {
          userName: user,
          deviceId: '',
          after: undefined,
          json,
          issuedAt: 0,
          expiresAt: Number.POSITIVE_INFINITY,
          refusal,
          connection: null,
          early: null,
        },
        req.getHeader('sec-websocket-key'),
        json ? (protocols.includes(JSON_SUBPROTOCOL) ? JSON_SUBPROTOCOL : '') : BINARY_SUBPROTOCOL,
        req.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open: (socket) => refuse(socket, socket.getUserData(), writer),
  });

  function refusalOf(user: string, host: string): NonNullable<ConnectionData['refusal']> {
    const problem = userProblem('user', user);
    if (problem !== null) return { close: CLOSES.malformed, detail: problem, redirect: '' };
    const redirect = urlOf(table[logicalShard(user)]!, host);
    if (redirect === '') return { close: CLOSES.internal, detail: STARTING, redirect: '' };
    return { close: CLOSES.redirected, detail: CLOSES.redirected.text, redirect };
  }

  const listening = await listen(app, [options.host, ...options.extraHosts], options.port);
  return {
    port: listening.port,
    stop: () => {
      listening.stop();
      app.close();
    },
  };
}

function reply(res: uWS.HttpResponse, status: string, body: object): void {
  res.cork(() => {
    res.writeStatus(status).writeHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
}
