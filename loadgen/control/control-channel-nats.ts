/**
 * Agents on other machines, over a NATS server that both sides reach. Each agent of a run has a channel: a subject of its
 * own, unique to that run, so that any number of runs and coordinators share a server.
 */
import { monotonicMs, realClock } from '../clock.ts';
import type { AgentLink, CoordinatorLink, FromAgent, RoundTrip, ToAgent } from './control-channel.ts';
import { ControlStream, type Wire } from './control-stream.ts';
import { type NatsLine, openNatsLine } from './nats-line.ts';

/** What an agent process needs to take part in a run; handed to it over a private pipe, for the address may have secrets. */
export interface RemoteOrder {
  url: string;
  channel: string;
  silenceMs: number;
  /** Tell the process that started it of each second (agent-figures.ts). */
  tellFigures?: boolean;
}

const PROBE_TIMEOUT_MS = 2_000;

export const toAgent = (channel: string): string => `${channel}.down`;
export const toCoordinator = (channel: string): string => `${channel}.up`;
const clockOf = (channel: string): string => `${channel}.clock`;

export interface NatsAgentOptions {
  name: string;
  host: string;
  line: NatsLine;
  channel: string;
  silenceMs: number;
  /** Its process may take this long to start. */
  startMs?: number;
  /** Asks the agent's host to end the process. */
  killIt: () => void;
}

/** The coordinator's end. */
export class NatsAgentLink implements AgentLink {
  readonly name: string;
  readonly host: string;
  readonly #line: NatsLine;
  readonly #channel: string;
  readonly #stream: ControlStream<ToAgent, FromAgent>;
  readonly #release: () => void;
  readonly #killIt: () => void;

  constructor(options: NatsAgentOptions) {
    const { name, host, line, channel, silenceMs, startMs, killIt } = options;
    this.name = name;
    this.host = host;
    this.#line = line;
    this.#channel = channel;
    this.#killIt = killIt;
    this.#stream = new ControlStream(wireOver(line, toAgent(channel)), realClock, silenceMs, startMs);
    this.#release = attach(line, toCoordinator(channel), this.#stream);
  }

  send(message: ToAgent): void {
    this.#stream.send(message);
  }

  onMessage(handler: (message: FromAgent) => void): void {
    this.#stream.onMessage(handler);
  }

  onGone(handler: (how: string) => void): void {
    this.#stream.onGone((how) => {
      // One that is only silent may be at something that never returns: its host can still end it.
      this.#killIt();
      handler(how);
    });
  }

  kill(): void {
    if (!this.#stream.gone) this.#killIt();
  }

  async probe(): Promise<RoundTrip | null> {
    const sentMs = monotonicMs();
    const answer = await this.#line.request(clockOf(this.#channel), new Uint8Array(0), PROBE_TIMEOUT_MS);
    const receivedMs = monotonicMs();
    if (answer?.length !== 8) return null;
    return { sentMs, theirMs: new DataView(answer.buffer, answer.byteOffset, 8).getFloat64(0), receivedMs };
  }

  /** An agent that still listens learns that this side has left. */
  close(): void {
    this.#stream.leave('has left the run');
    this.#release();
  }
}

export interface NatsCoordinatorLink extends CoordinatorLink {
  /** Say goodbye in a few words and close. */
  leave(how: string): Promise<void>;
}

/** The agent's end. Rejects with ControlServerError. */
export async function natsCoordinator({ url, channel, silenceMs }: RemoteOrder): Promise<NatsCoordinatorLink> {
  const line = await openNatsLine(url, 'plimsoll agent at work');
  const stream = new ControlStream<FromAgent, ToAgent>(wireOver(line, toCoordinator(channel)), realClock, silenceMs);
  attach(line, toAgent(channel), stream);
  line.subscribe(clockOf(channel), (_, answer) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, monotonicMs());
    answer(bytes);
  });
  return {
    send: (message) => stream.send(message),
    onMessage: (handler) => stream.onMessage(handler),
    onGone: (handler) => stream.onGone(handler),
    close: async () => {
      await stream.flush();
      await line.close();
    },
    leave: async (how) => {
      stream.leave(how);
      await line.close();
    },
  };
}

function wireOver(line: NatsLine, subject: string): Wire {
  return { maxFrameBytes: line.maxPayloadBytes, transmit: (frame) => line.publish(subject, frame) };
}

function attach<Sent, Received>(line: NatsLine, subject: string, stream: ControlStream<Sent, Received>): () => void {
  const unsubscribe = line.subscribe(subject, (frame) => stream.receive(frame));
  const unwatch = line.onChange((up) => stream.wireIs(up));
  return () => {
    unsubscribe();
    unwatch();
  };
}
