/** Answers `GET /metrics`, for Prometheus. Figures are made up when they are asked for. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONTENT_TYPE, type MetricFamily, prometheusText } from './prometheus-text.ts';

export interface MetricsPlace {
  host: string;
  /** 0: any free one. */
  port: number;
}

export interface MetricsServer {
  /** `http://127.0.0.1:9464/metrics` */
  url: string;
  close(): Promise<void>;
}

/** `9464`, `host:9464` or `[::1]:9464`; without a host this machine alone. Throws an Error, one sentence. */
export function parseMetricsPlace(written: string): MetricsPlace {
  const match = /^(?:(\[[\da-f:.]+\]|[^[\]:\s]*):)?(\d{1,5})$/i.exec(written);
  const port = Number(match?.[2]);
  if (!match || port > 65_535) throw new Error(`must be a port or host:port, for example 9464, not "${written}"`);
  return { host: match[1]?.replace(/^\[|\]$/g, '') || '127.0.0.1', port };
}

/** Rejects with an Error, one sentence, where it can't listen. It keeps no process alive. */
export async function serveMetrics(place: MetricsPlace, families: () => MetricFamily[]): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const path = request.url?.replace(/\?.*/, '');
    if (path !== '/metrics') return void response.writeHead(404).end('metrics are at /metrics\n');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(prometheusText(families()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(cannotListen(place, error))));
    server.listen(place.port, place.host, resolve);
  });
  server.unref();
  const { address, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function cannotListen({ host, port }: MetricsPlace, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is taken`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is no address of this machine`;
  if (code === 'EACCES') return `port ${port} may not be opened by this user`;
  return `can't listen on ${host}:${port} (${message})`;
}
