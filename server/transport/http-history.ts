/** History over HTTP: range reads of a user's timeline and of one conversation in it, newest or oldest first. */
import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { frameOf } from '../messenger/entry.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import { logicalShard } from '../shard-map.ts';
import type { RangeQuery } from '../store/message-store.ts';
import type { Authenticator } from './authentication.ts';
import { bearerToken, type Route, userProblem } from './websocket.ts';

const LIMIT = { default: 50, most: 1_000 };

export interface HistoryOptions {
  authenticator: Authenticator;
  route: Route;
}

export function serveHistory(app: TemplatedApp, options: HistoryOptions): void {
  app.get('/v1/timeline', (res, req) => answer(res, req, options, false));
  app.get('/v1/conversation', (res, req) => answer(res, req, options, true));
}

function answer(res: HttpResponse, req: HttpRequest, options: HistoryOptions, oneConversation: boolean): void {
  const user = req.getQuery('user') ?? '';
  const peer = req.getQuery('peer') ?? '';
  const problem = userProblem('user', user) ?? (oneConversation ? userProblem('peer', peer) : null);
  if (problem !== null) {
    reply(res, '400 Bad Request', { error: problem });
    return;
  }
  const unauthorised = options.authenticator.refuse(user, bearerToken(req));
  if (unauthorised !== null) {
    reply(res, '401 Unauthorized', { error: unauthorised });
    return;
  }
  const query = readQuery(req);
  if (typeof query === 'string') {
    reply(res, '400 Bad Request', { error: query });
    return;
  }
  const volume = options.route(user, req.getHeader('host'));
  if (volume === '') {
    reply(res, '503 Service Unavailable', { error: 'the server of this user is not up yet; repeat later' });
    return;
  }
  if (typeof volume === 'string') {
    reply(res, '421 Misdirected Request', { error: 'this user lives elsewhere', url: volume });
    return;
  }

  let aborted = false;
  res.onAborted(() => {
    aborted = true;
  });
  const shard = logicalShard(user);
  const reading = oneConversation
    ? volume.store.conversation(shard, user, peer, query)
    : volume.store.timeline(shard, user, query);
  reading.then(
    (entries) => {
      if (aborted) return;
      const messages = entries.map(({ value }) => jsonFromServerFrames(frameOf(value))[0]);
      replyText(res, '200 OK', `{"user":${JSON.stringify(user)},"entries":[${messages.join(',')}]}`);
    },
    () => {
      if (!aborted) reply(res, '503 Service Unavailable', { error: 'the store does not answer now; repeat later' });
    },
  );
}

function readQuery(req: HttpRequest): RangeQuery | string {
  const query: RangeQuery = {};
  for (const name of ['after', 'before', 'limit'] as const) {
    const text = req.getQuery(name);
    if (text === undefined || text === '') continue;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 0) return `${name} must be a whole number from 0`;
    query[name] = value;
  }
  query.limit = Math.min(query.limit ?? LIMIT.default, LIMIT.most);
  const order = req.getQuery('order') || 'oldest-first';
  if (order !== 'oldest-first' && order !== 'newest-first') return 'order must be oldest-first or newest-first';
  query.order = order;
  return query;
}

function reply(res: HttpResponse, status: string, body: object): void {
  replyText(res, status, JSON.stringify(body));
}

function replyText(res: HttpResponse, status: string, body: string): void {
  res.cork(() => {
    res.writeStatus(status).writeHeader('content-type', 'application/json').end(body);
  });
}
