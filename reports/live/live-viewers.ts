/** Those who look at a live page: each gets the whole state when it comes, and after that what changed. */
import type { ServerResponse } from 'node:http';

export const EVENTS_TYPE = 'text/event-stream';
/** More than that are turned away: each costs the run a little. */
export const VIEWERS_MAX = 20;
/** One that has read nothing for so long is sent away; if it still lives, it comes again. */
const STUCK_MS = 30_000;

interface Viewer {
  /** Since when it has not read what it was sent, ms; null: it has. */
  behindSinceMs: number | null;
  /** It missed changes, and needs the whole state. */
  missed: boolean;
}

export class LiveViewers {
  #viewers = new Map<ServerResponse, Viewer>();

  get count(): number {
    return this.#viewers.size;
  }

  add(response: ServerResponse, state: string): void {
    response.writeHead(200, { 'content-type': EVENTS_TYPE });
    this.#viewers.set(response, { behindSinceMs: null, missed: false });
    response.on('close', () => this.#viewers.delete(response));
    // Whoever is gone just now: `close` follows.
    response.on('error', () => {});
    response.write(event('state', state));
  }

  /**
   * JSON; `state` is asked for only when somebody missed changes. What waits for a viewer is at most one state and one change.
   */
  send(change: string | null, state: () => string, nowMs: number): void {
    const message = change === null ? ': nothing new\n\n' : event('change', change);
    for (const [response, viewer] of this.#viewers) {
      if (response.writableNeedDrain) {
        viewer.behindSinceMs ??= nowMs;
        viewer.missed ||= change !== null;
        if (nowMs - viewer.behindSinceMs > STUCK_MS) response.destroy();
        continue;
      }
      viewer.behindSinceMs = null;
      response.write(viewer.missed ? event('state', state()) : message);
      viewer.missed = false;
    }
  }

  /** The last that they hear. */
  end(last: string): void {
    for (const response of this.#viewers.keys()) response.end(event('end', last));
  }
}

/** JSON holds no line break, so that it is one line of the stream. */
function event(name: string, json: string): string {
  return `event: ${name}\ndata: ${json}\n\n`;
}
