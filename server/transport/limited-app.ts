/**
 * An app whose every HTTP request and WebSocket upgrade is first held against the rate of its address, so that no endpoint can
 * forget to. Over it the answer is 429 with `Retry-After`.
 */
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t } from 'uWebSockets.js';
import type { NodeSettings } from '../config.ts';
import { ERRORS } from '../protocol/errors.ts';
import { AddressRate, addressKey } from './address-rate.ts';
import { problemOf } from './http-problem.ts';
import { STATUS_TEXT } from './http-status.ts';

const SWEEP_INTERVAL_MS = 1_000;
const METHODS = ['get', 'post', 'put', 'patch', 'del', 'options', 'head', 'any'] as const;

/** Everything that is routed from now on is limited; nothing is when the rate is 0. Returns the rate's counts. */
export function limitAddresses(
  app: TemplatedApp,
  settings: NodeSettings['addressRate'],
  now: () => number,
): { refused: number } {
  if (settings.perSecond === 0) return { refused: 0 };
  const rate = new AddressRate(settings);
  // It does not keep a process alive that has nothing else to do.
  setInterval(() => rate.sweep(now()), SWEEP_INTERVAL_MS).unref();

  function refuse(res: HttpResponse): boolean {
    const waitMs = rate.admit(addressKey(Buffer.from(res.getRemoteAddress())), now());
    if (waitMs > 0) tooManyRequests(res, waitMs);
    return waitMs > 0;
  }

  for (const method of METHODS) {
    const route = app[method].bind(app);
    app[method] = (pattern, handler) =>
      route(pattern, (res: HttpResponse, req: HttpRequest) => {
        if (!refuse(res)) return handler(res, req);
      });
  }
  const routeSockets = app.ws.bind(app);
  app.ws = (pattern, behavior) =>
    routeSockets(pattern, {
      ...behavior,
      upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t) {
        if (!refuse(res)) return behavior.upgrade!(res, req, context);
      },
    });
  return rate;
}

function tooManyRequests(res: HttpResponse, retryAfterMs: number): void {
  const problem = problemOf(ERRORS.rateLimited, retryAfterMs);
  res.cork(() => {
    res
      .writeStatus(`${problem.status} ${STATUS_TEXT[problem.status]}`)
      .writeHeader('retry-after', `${Math.ceil(retryAfterMs / 1_000)}`)
      .writeHeader('content-type', 'application/json')
      .end(JSON.stringify(problem.body));
  });
}
