/**
 * The HTTP endpoints of one port. A handler is registered for an operation of the OpenAPI document and for nothing else, and
 * `finish` throws when an operation has none: so the document and the program can't drift apart.
 *
 * Handlers throw HttpProblem for what is the client's to know; anything else is logged and answered by 500.
 */
import type { TemplatedApp } from 'uWebSockets.js';
import { HttpProblem } from './http-problem.ts';
import { HttpCall } from './http-request.ts';
import { DOCUMENT_PATH, OPENAPI_DOCUMENT } from './openapi.ts';
import type { Method, Paths } from './openapi-types.ts';
import { CONNECT_PATH } from './websocket.ts';

export type Handler = (call: HttpCall) => void | Promise<void>;

export interface HttpApiOptions {
  /** What this port answers: ROUTER_PATHS or SHARD_PATHS. */
  paths: Paths;
  log: (message: string) => void;
}

const REGISTER = { get: 'get', post: 'post', put: 'put', delete: 'del' } as const;

export class HttpApi {
  readonly #app: TemplatedApp;
  readonly #options: HttpApiOptions;
  readonly #registered = new Set<string>();

  constructor(app: TemplatedApp, options: HttpApiOptions) {
    this.#app = app;
    this.#options = options;
    const document = JSON.stringify(OPENAPI_DOCUMENT);
    this.get(DOCUMENT_PATH, (call) => call.replyText(200, document));
  }

  /** Paths as the document writes them: `/v1/groups/{group}`. */
  get(path: string, handler: Handler): void {
    this.#register('get', path, handler);
  }

  post(path: string, handler: Handler): void {
    this.#register('post', path, handler);
  }

  put(path: string, handler: Handler): void {
    this.#register('put', path, handler);
  }

  delete(path: string, handler: Handler): void {
    this.#register('delete', path, handler);
  }

  /** After all handlers: 405 for other methods, 404 for other paths. */
  finish(): void {
    for (const [path, item] of Object.entries(this.#options.paths)) {
      const methods = Object.keys(item) as Method[];
      const missing = methods.find((method) => !this.#registered.has(`${method} ${path}`));
      if (missing !== undefined) throw new Error(`no handler for ${missing} ${path}, which the OpenAPI document names`);
      const allow = methods.map((method) => method.toUpperCase()).join(', ');
      this.#app.any(patternOf(path), (res, req) => {
        new HttpCall(res, req, []).reply(405, { error: `only ${allow} is allowed here` }, { allow });
      });
    }
    this.#app.any('/*', (res, req) => {
      new HttpCall(res, req, []).reply(404, { error: 'no such path on this port; see /v1/openapi.json' });
    });
  }

  #register(method: Method, path: string, handler: Handler): void {
    if (this.#options.paths[path]?.[method] === undefined) {
      throw new Error(`${method} ${path} is not in the OpenAPI document (transport/openapi-*.ts)`);
    }
    this.#registered.add(`${method} ${path}`);
    const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    this.#app[REGISTER[method]](patternOf(path), (res, req) => {
      const call = new HttpCall(res, req, parameters);
      this.#answer(call, handler, `${method} ${path}`);
    });
  }

  #answer(call: HttpCall, handler: Handler, what: string): void {
    const failed = (error: unknown): void => {
      if (error instanceof HttpProblem) {
        call.replyProblem(error);
        return;
      }
      this.#options.log(`${what} failed: ${(error as Error).stack ?? error}`);
      call.replyProblem(new HttpProblem(500, 'the server failed'));
    };
    try {
      handler(call)?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** `/v1/connect` for who did not ask for the upgrade, or for another version; the WebSocket route lets such requests pass. */
export function serveUpgradeHint(api: HttpApi): void {
  api.get(CONNECT_PATH, (call) => {
    const error = 'this is the address of the WebSocket; see PROTOCOL.md';
    call.reply(426, { error }, { upgrade: 'websocket', 'sec-websocket-version': '13' });
  });
}

/** The library's form of a path of the document. */
function patternOf(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}
