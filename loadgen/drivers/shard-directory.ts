/**
 * Where the reference server's users live: the router's table of owners, kept as one endpoint for each logical shard.
 */
import { lookup } from 'node:dns/promises';
import { get } from 'node:http';
import { LOGICAL_SHARDS, logicalShard, shardHash } from '../../server/protocol/shard-hash.ts';
import { DriverError } from './target-driver.ts';

export interface Endpoint {
  /** An IP address, so that connecting needs no look-up. */
  host: string;
  port: number;
}

export class ShardDirectory {
  readonly #router: URL;
  readonly #addresses = new Map<string, string>();
  #owners: Array<Endpoint | undefined> = [];
  /** Addresses from 127.0.0.2 on that answer; 0: the owner's own is used. */
  #loopbackSpread = 0;
  #refreshing: Promise<void> | undefined;

  /** @param target `ws://host:port` of the router. Throws a DriverError when it is not such an address. */
  constructor(target: string) {
    const url = parseWebSocketUrl(target);
    if (url === undefined)
      throw new DriverError('server', `the target "${target}" is not an address like ws://host:port`);
    this.#router = url;
  }

  /** Ask the router who owns what. Concurrent calls share one question. Rejects with a DriverError. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#load().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Where to connect for `user`; undefined when no server holds the user's shard now. */
  endpoint(user: string): Endpoint | undefined {
    const owner = this.#owners[logicalShard(user)];
    if (owner === undefined || !isLoopback(owner.host) || this.#loopbackSpread === 0) return owner;
    // Local ports are counted per destination address: several addresses of the same server give several times as many.
    return {
      host: `127.0.0.${2 + (Math.floor(shardHash(user) / LOGICAL_SHARDS) % this.#loopbackSpread)}`,
      port: owner.port,
    };
  }

  /** A server said that `user` lives at `url`. Rejects with a DriverError when that is no address. */
  async redirect(user: string, url: string): Promise<void> {
    this.#owners[logicalShard(user)] = await this.#resolve(url);
  }

  async #load(): Promise<void> {
    const { hostname, port } = this.#router;
    const base = `http://${hostname}:${port}`;
    const owners = readOwners(await getJson(`${base}/v1/shards`), base);
    const table = new Array<Endpoint | undefined>(LOGICAL_SHARDS).fill(undefined);
    for (const { url, from, to } of owners) table.fill(await this.#resolve(url), from, to + 1);
    this.#owners = table;
    if (table.some((owner) => owner !== undefined && isLoopback(owner.host))) await this.#probeLoopback(port);
  }

  /** Spread over 127.0.0.2, .3, … as far as the server listens there; where it does not, the first refusal says so at once. */
  async #probeLoopback(port: string): Promise<void> {
    let answering = 0;
    while (answering < LOOPBACK_ADDRESSES) {
      try {
        await getJson(`http://127.0.0.${2 + answering}:${port}/v1/shards`);
      } catch {
        break;
      }
      answering++;
    }
    this.#loopbackSpread = answering;
  }

  async #resolve(text: string): Promise<Endpoint> {
    const url = parseWebSocketUrl(text);
    if (url === undefined)
      throw new DriverError(
        'server',
        `the server names "${text}" as an owner, which is no address like ws://host:port`,
      );
    const name = url.hostname.replace(/^\[|\]$/g, '');
    let host = isLoopback(name) ? '127.0.0.1' : this.#addresses.get(name);
    if (host === undefined) {
      try {
        host = (await lookup(name)).address;
      } catch (error) {
        throw new DriverError('server', `the server's host name "${name}" is unknown here`, { cause: error });
      }
      this.#addresses.set(name, host);
    }
    return { host, port: Number(url.port) };
  }
}

/** What the router answers, for any user; everything else is a shard's. `path` may have a query. */
export function isRouterPath(path: string): boolean {
  return ROUTER_PATHS.has(path.split('?', 1)[0]!);
}

export const ROUTER_PATHS: ReadonlySet<string> = new Set([
  '/v1/route',
  '/v1/shards',
  '/v1/health',
  '/v1/stats',
  '/metrics',
]);

/** Addresses that are tried; each gives about 28,000 connections to every server port. */
const LOOPBACK_ADDRESSES = 64;
const HTTP_TIMEOUT_MS = 5000;
const MAX_RESPONSE_BYTES = 1_000_000;

function isLoopback(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost' || host === '0.0.0.0';
}

function parseWebSocketUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'ws:' && url.port !== '' ? url : undefined;
}

interface Owner {
  url: string;
  from: number;
  to: number;
}

function readOwners(value: unknown, base: string): Owner[] {
  const { logicalShards, owners } = (value ?? {}) as { logicalShards?: unknown; owners?: unknown };
  const isShard = (n: unknown) => Number.isInteger(n) && (n as number) >= 0 && (n as number) < LOGICAL_SHARDS;
  const isOwner = (o: Partial<Owner> | null) =>
    typeof o?.url === 'string' && isShard(o.from) && isShard(o.to) && o.from! <= o.to!;
  if (logicalShards !== LOGICAL_SHARDS || !Array.isArray(owners) || !owners.every(isOwner))
    throw new DriverError(
      'server',
      `${base}/v1/shards did not answer with a table of ${LOGICAL_SHARDS} shards: is the target a Plimsoll server?`,
    );
  return owners as Owner[];
}

function getJson(url: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(new DriverError('server', `the target does not answer at ${url}: ${why}`, { cause }));
    const request = get(url, { timeout: HTTP_TIMEOUT_MS, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_RESPONSE_BYTES) request.destroy(new Error('the answer is too long'));
      });
      response.on('end', () => {
        if (response.statusCode !== 200) return fail(`status ${response.statusCode}`);
        try {
          resolve(JSON.parse(text));
        } catch (error) {
          fail('no JSON', error);
        }
      });
      response.on('error', (error) => fail(error.message, error));
    });
    request.on('timeout', () => request.destroy(new Error(`nothing for ${HTTP_TIMEOUT_MS / 1000} s`)));
    request.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error));
  });
}
