/**
 * The node's front door: tells clients which process holds which user, and operators how the node is. It serves no chat
 * itself; a WebSocket opened here is redirected.
 */
import uWS from 'uWebSockets.js';
import type { NodeSettings } from './config.ts';
import { prometheusText } from './metrics.ts';
import { FrameWriter } from './protocol/codec.ts';
import { CLOSES } from './protocol/errors.ts';
import { BINARY_SUBPROTOCOL } from './protocol/messages.ts';
import { LOGICAL_SHARDS, logicalShard, type Owner, volumeRange, volumeTable } from './shard-map.ts';
import type { NodeStats } from './supervisor.ts';
import type { ConnectionData } from './transport/connection.ts';
import { groupId, userId } from './transport/http-access.ts';
import { HttpApi, serveUpgradeHint } from './transport/http-api.ts';
import { HttpProblem } from './transport/http-problem.ts';
import { limitAddresses } from './transport/limited-app.ts';
import { listen } from './transport/listen.ts';
import { ROUTER_PATHS } from './transport/openapi.ts';
import { CONNECT_PATH, chooseSubprotocol, hostName, isHandshake, refuse, userProblem } from './transport/websocket.ts';

export interface RouterOptions {
  host: string;
  extraHosts: string[];
  port: number;
  publicHost: string | null;
  volumes: number;
  /** Port of the process that serves a volume; 0: none does now. */
  portOf: (volume: number) => number;
  stats: () => NodeStats;
  log: (message: string) => void;
  addressRate: NodeSettings['addressRate'];
}

export interface Router {
  port: number;
  stop(): void;
}

const LATER = { retryAfterMs: 1_000 };
const STARTING = 'the server of this user is starting; ask again later';

/** Rejects with PortTakenError. */
export async function startRouter(options: RouterOptions): Promise<Router> {
  const app = uWS.App();
  limitAddresses(app, options.addressRate, Date.now);
  const table = volumeTable(options.volumes);
  const writer = new FrameWriter();
  /** Empty while no process has the volume: at the first start, and on the way from one process to another. */
  const urlOf = (volume: number, host: string): string => {
    const port = options.portOf(volume);
    return port === 0 ? '' : `ws://${host}:${port}`;
  };
  // The name by which the client reached the router is the one by which it reaches the shards.
  const hostOf = (header: string): string => options.publicHost ?? hostName(header, options.host);

  const api = new HttpApi(app, { paths: ROUTER_PATHS, log: options.log });

  api.get('/v1/route', (call) => {
    const what = call.query.has('group') && !call.query.has('user') ? 'group' : 'user';
    const name = call.query.text(what);
    if (what === 'group') groupId(name);
    else userId('user', name);
    const shard = logicalShard(name);
    const url = urlOf(table[shard]!, hostOf(call.host));
    if (url === '') throw new HttpProblem(503, `the server of this ${what} is starting; ask again later`, LATER);
    call.reply(200, { [what]: name, shard, url });
  });
  api.get('/v1/shards', (call) => {
    const host = hostOf(call.host);
    const owners: Owner[] = Array.from({ length: options.volumes }, (_, volume) => ({
      url: urlOf(volume, host),
      ...volumeRange(volume, options.volumes),
    })).filter(({ url }) => url !== '');
    call.reply(200, { logicalShards: LOGICAL_SHARDS, owners });
  });
  api.get('/v1/health', (call) => {
    const { shards, volumesWithoutOwner, takeovers } = options.stats();
    // One that was given up is missed by nobody: others have its volumes.
    const well = shards.every(({ up, givenUp, stats }) => givenUp || (up && (stats?.healthy ?? true)));
    const healthy = well && volumesWithoutOwner.length === 0;
    call.reply(healthy ? 200 : 503, {
      healthy,
      volumesWithoutOwner,
      takeovers,
      shards: shards.map(({ index, up, givenUp, volumes, stats }) => {
        return { index, up, givenUp, volumes, storeHealthy: stats?.healthy ?? null, store: stats?.store ?? null };
      }),
    });
  });
  api.get('/v1/stats', (call) => call.reply(200, options.stats()));
  api.get('/metrics', (call) => {
    call.replyText(200, prometheusText(options.stats()), {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    });
  });
  serveUpgradeHint(api);
  api.finish();

  app.ws<ConnectionData>(CONNECT_PATH, {
    compression: uWS.DISABLED,
    idleTimeout: 8,
    upgrade(res, req, context) {
      if (!isHandshake(req)) {
        req.setYield(true); // to the hint that HTTP gives there
        return;
      }
      const user = req.getQuery('user') ?? '';
      const protocol = chooseSubprotocol(req);
      const refusal = refusalOf(user, hostOf(req.getHeader('host')));
      res.upgrade<ConnectionData>(
        {
          userName: user,
          deviceId: '',
          after: undefined,
          json: protocol !== BINARY_SUBPROTOCOL,
          issuedAt: 0,
          expiresAt: Number.POSITIVE_INFINITY,
          refusal,
          connection: null,
          early: null,
        },
        req.getHeader('sec-websocket-key'),
        protocol,
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
