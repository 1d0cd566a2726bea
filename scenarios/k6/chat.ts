/**
 * Asks, with k6 in Plimsoll's place: does a server deliver in time and lose nothing, when every virtual user holds a WebSocket
 * and writes to another? The same flow, names and thresholds as a scenario of Plimsoll, over the JSON twin of the protocol.
 *
 * A bad sign: a lost or duplicated message, a connection that fails, a p99 beyond the limit.
 *
 *   plimsoll serve --port 4600
 *   k6 run -e TARGET=ws://127.0.0.1:4600 -e VUS=100 -e RATE=200 -e DURATION=30s scenarios/k6/chat.ts
 *
 * TARGET: any port of a node; a user who lives elsewhere is sent there. VUS: virtual users, one connection each. RATE:
 * messages a second over all of them, at fixed times whatever the answers do; latencies count from those times. 0: they only
 * hold their connections. DURATION: of sending; receipts are waited for two seconds more. LIMIT_MS: of both p99, default 100.
 * SUMMARY: a file for k6's summary as JSON. The clock of k6 has whole milliseconds, so has every latency.
 */
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import { setTimeout } from 'k6/timers';
import { type ErrorEvent, type MessageEvent, WebSocket } from 'k6/websockets';

/** k6 has one; its types leave it to the browser's. */
declare const console: { error(text: string): void };

interface Frame {
  type: string;
  id: number;
  seq: number;
  after: number;
  state: string;
  upTo: number;
  direction: string;
  body: string;
  url: string;
}

interface Summary {
  metrics: Record<string, { values: Record<string, number>; thresholds?: Record<string, { ok: boolean }> }>;
}

const TARGET = __ENV.TARGET ?? 'ws://127.0.0.1:4600';
const VUS = Number(__ENV.VUS ?? 10);
const RATE = Number(__ENV.RATE ?? 20);
const DURATION_MS = milliseconds(__ENV.DURATION ?? '10s');
const LIMIT_MS = Number(__ENV.LIMIT_MS ?? 100);
const DRAIN_MS = 2_000;
const BODY_BYTES = 100;
const ACK_INTERVAL_MS = 50;
const ACK_MESSAGES = 32;
const NEVER = Number.POSITIVE_INFINITY;

const sentLatency = new Trend('sent_latency', true);
const deliveryLatency = new Trend('delivery_latency', true);
const messagesSent = new Counter('messages_sent');
const messagesAcknowledged = new Counter('messages_acknowledged');
const messagesDelivered = new Counter('messages_delivered');
const messagesLost = new Counter('messages_lost');
const messagesDuplicated = new Counter('messages_duplicated');
const connectFailed = new Counter('connect_failed');

export const options: Options = {
  scenarios: {
    chat: { executor: 'per-vu-iterations', vus: VUS, iterations: 1, maxDuration: `${DURATION_MS + 60_000}ms` },
  },
  thresholds: {
    sent_latency: [`p(99)<${LIMIT_MS}`],
    delivery_latency: [`p(99)<${LIMIT_MS}`],
    messages_lost: ['count==0'],
    messages_duplicated: ['count==0'],
    connect_failed: ['count==0'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)'],
};

/** Names of this run alone: a node remembers who wrote to whom before. */
export function setup(): string {
  return `k6-${Date.now().toString(36)}-`;
}

/** One virtual user: connects, chats until the time is over, and waits for its receipts. */
export default function chat(prefix: string): void {
  new Chatter(prefix, exec.vu.idInTest - 1).connect(TARGET, true);
}

export function handleSummary(data: Summary): Record<string, string> {
  const lines = Object.entries(data.metrics)
    .sort(([a], [b]) => a.localeCompare(b))
    .filter(([name]) => name.includes('latency') || name.startsWith('messages_') || name === 'connect_failed')
    .map(([name, { values, thresholds }]) => {
      const figures = Object.entries(values).map(([key, value]) => `${key}=${Math.round(value * 100) / 100}`);
      const judged = Object.entries(thresholds ?? {}).map(([text, { ok }]) => `${ok ? '✓' : '✗'} ${text}`);
      return `${name.padEnd(22)} ${[...judged, ...figures].join('  ')}`;
    });
  const summary = __ENV.SUMMARY === undefined ? {} : { [__ENV.SUMMARY]: JSON.stringify(data) };
  return { stdout: `${lines.join('\n')}\n`, ...summary };
}

class Chatter {
  readonly #index: number;
  readonly #name: string;
  readonly #partner: string;
  #socket!: WebSocket;
  #position = 0;
  #acknowledged = 0;
  #ackIsDue = false;
  #welcomed = false;
  #ended = false;
  #redirect: string | undefined;
  #startMs = 0;
  #nextMs = NEVER;
  #lastId = 0;
  #sent = 0;
  /** Number of the last message of the one who writes to this user. */
  #heard = 0;
  /** When each message was to be sent that is not acknowledged yet, by id. */
  readonly #intended = new Map<number, number>();
  /** Places in the timeline beyond a gap: a `sent` may overtake messages. */
  readonly #ahead = new Set<number>();
  /** Places in this user's timeline of its messages without a receipt, ascending. */
  #unsettled: number[] = [];

  constructor(prefix: string, index: number) {
    this.#index = index;
    this.#name = `${prefix}${index}`;
    // Half the population away, as Plimsoll's own agents have it: everyone writes to one user and hears of one.
    this.#partner = `${prefix}${(index + Math.floor(VUS / 2)) % VUS}`;
  }

  connect(url: string, mayRedirect: boolean): void {
    this.#redirect = undefined;
    const headers = { 'Sec-WebSocket-Protocol': 'plimsoll.v1.json' };
    const socket = new WebSocket(`${url}/v1/connect?user=${this.#name}&device=k6`, null, { headers });
    this.#socket = socket;
    socket.addEventListener('message', (event) => this.#read(JSON.parse((event as MessageEvent).data as string)));
    socket.addEventListener('error', (event) => {
      if (!this.#welcomed && this.#redirect === undefined)
        console.error(`${this.#name}: ${(event as ErrorEvent).error}`);
    });
    socket.addEventListener('close', () => {
      if (this.#redirect !== undefined && mayRedirect) this.connect(this.#redirect, false);
      else if (!this.#welcomed) connectFailed.add(1);
    });
  }

  #read(frame: Frame): void {
    if (frame.type === 'welcome') this.#start(frame);
    else if (frame.type === 'redirect') this.#redirect = frame.url;
    else if (frame.type === 'sent') this.#stored(frame);
    else if (frame.type === 'message') this.#received(frame);
    else if (frame.type === 'receipt' && frame.state === 'delivered')
      this.#unsettled = this.#unsettled.filter((seq) => seq > frame.upTo);
    else if (frame.type === 'error') console.error(`${this.#name}: ${JSON.stringify(frame)}`);
  }

  #start({ after }: Frame): void {
    this.#welcomed = true;
    this.#position = this.#acknowledged = after;
    this.#startMs = Date.now();
    setTimeout(() => this.#end(), DURATION_MS + DRAIN_MS);
    if (RATE === 0) return;
    // The users take turns, so that the sends of all are spread evenly.
    this.#nextMs = this.#startMs + ((this.#index + 1) * 1000) / RATE;
    this.#sendLater();
  }

  #sendLater(): void {
    if (this.#nextMs >= this.#startMs + DURATION_MS) return;
    setTimeout(() => this.#sendDue(), Math.max(0, this.#nextMs - Date.now()));
  }

  #sendDue(): void {
    for (; this.#nextMs <= Date.now(); this.#nextMs += (VUS * 1000) / RATE) {
      const id = Math.max(Date.now() * 1000, this.#lastId + 1);
      this.#lastId = id;
      const body = `${Math.floor(this.#nextMs)} ${++this.#sent} `.padEnd(BODY_BYTES, 'x');
      this.#intended.set(id, this.#nextMs);
      this.#socket.send(JSON.stringify({ type: 'send', id, to: this.#partner, body }));
      messagesSent.add(1);
    }
    this.#sendLater();
  }

  #stored({ id, seq }: Frame): void {
    const intendedMs = this.#intended.get(id);
    if (intendedMs === undefined) return;
    this.#intended.delete(id);
    this.#unsettled.push(seq);
    this.#advance(seq);
    messagesAcknowledged.add(1);
    sentLatency.add(Date.now() - intendedMs);
  }

  #received({ seq, direction, body }: Frame): void {
    this.#advance(seq);
    if (this.#position - this.#acknowledged >= ACK_MESSAGES) this.#acknowledge();
    else if (!this.#ackIsDue) {
      this.#ackIsDue = true;
      setTimeout(() => {
        this.#ackIsDue = false;
        this.#acknowledge();
      }, ACK_INTERVAL_MS);
    }
    if (direction !== 'in') return;
    const [intendedMs, number] = body.split(' ', 2).map(Number) as [number, number];
    if (number <= this.#heard) {
      messagesDuplicated.add(1);
      return;
    }
    this.#heard = number;
    messagesDelivered.add(1);
    deliveryLatency.add(Date.now() - intendedMs);
  }

  #advance(seq: number): void {
    this.#ahead.add(seq);
    while (this.#ahead.delete(this.#position + 1)) this.#position++;
  }

  #acknowledge(): void {
    if (this.#position <= this.#acknowledged || this.#ended) return;
    this.#acknowledged = this.#position;
    this.#socket.send(JSON.stringify({ type: 'ack', seq: this.#position }));
  }

  /** What has no receipt from the other side by now is lost. */
  #end(): void {
    this.#ended = true;
    messagesLost.add(this.#intended.size + this.#unsettled.length);
    this.#socket.close();
  }
}

/** `500ms`, `10s`, `1m`. */
function milliseconds(text: string): number {
  const [, number, unit] = /^([\d.]+)(ms|s|m)$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`DURATION must be written like 500ms, 10s or 1m, not ${text}`);
  return Number(number) * { ms: 1, s: 1_000, m: 60_000 }[unit as 'ms' | 's' | 'm'];
}
