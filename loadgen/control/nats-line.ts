/**
 * A connection to a NATS server, as little of it as the control channel needs. The client is loaded when it is wanted; it
 * tries again for as long as the line is open.
 */
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';

/** The control server can't be used: one sentence, without the secrets of its address. */
export class ControlServerError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ControlServerError';
  }
}

export interface NatsLine {
  /** The server's address without user, password or token. */
  readonly address: string;
  readonly maxPayloadBytes: number;
  /** Not while the line is down: then nothing is kept for later either. */
  publish(subject: string, bytes: Uint8Array, replyTo?: string): void;
  subscribe(subject: string, handle: (bytes: Uint8Array, answer: (bytes: Uint8Array) => void) => void): () => void;
  /** Null when nobody answers in time. */
  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array | null>;
  /** Called with every change: down, up again. Returns how to stop that. */
  onChange(handle: (up: boolean) => void): () => void;
  /** What the server refuses (rights that are missing), in words. */
  onTrouble(handle: (what: string) => void): void;
  /** A subject of one's own, for answers. */
  inbox(): string;
  /** Hands over what was published, then closes. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_MS = 250;
const CLOSE_TIMEOUT_MS = 2_000;
const DEFAULT_PORT = '4222';

/** `name` is how the server lists the connection. Rejects with ControlServerError. */
export async function openNatsLine(url: string, name: string): Promise<NatsLine> {
  const { address, options } = readAddress(url);
  const nats = await loadClient();
  const connection = await nats
    .connect({
      ...options,
      name,
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => RECONNECT_MS,
      // A server that vanished without a word is noticed within about this.
      pingInterval: 5_000,
      maxPingOut: 1,
    })
    .catch((error: Error) => {
      throw new ControlServerError(whyNot(address, error), { cause: error });
    });
  return lineOf(connection, address, nats.createInbox);
}

/** An address as it may be shown: without user, password and token. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(/(\w+:\/\/)[^/\s]*@/g, '$1…@');
}

/** Throws ControlServerError for what is no address of a NATS server. */
export function readAddress(url: string): { address: string; options: ConnectionOptions } {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const plain = parsed?.protocol === 'nats:';
  if (parsed === null || !(plain || parsed.protocol === 'tls:') || parsed.hostname === '') {
    throw new ControlServerError(
      `--control must be written nats://host:4222 (tls:// for an encrypted one), not "${withoutSecrets(url)}"`,
    );
  }
  const server = `${parsed.hostname}:${parsed.port || DEFAULT_PORT}`;
  const user = decodeURIComponent(parsed.username);
  const pass = decodeURIComponent(parsed.password);
  return {
    address: `${parsed.protocol}//${server}`,
    options: {
      servers: server,
      ...(pass !== '' ? { user, pass } : user !== '' && { token: user }),
      ...(!plain && { tls: {} }),
    },
  };
}

async function loadClient() {
  try {
    return await import('@nats-io/transport-node');
  } catch (error) {
    throw new ControlServerError(
      'the NATS client, which --control needs, is not installed; npm install @nats-io/transport-node',
      { cause: error },
    );
  }
}

function whyNot(address: string, error: Error): string {
  if (/auth/i.test(error.message)) {
    return `the NATS server ${address} does not let this user in; write --control nats://user:password@host:4222, or set PLIMSOLL_CONTROL`;
  }
  const reason = /refused/i.test(error.message) ? 'connection refused' : error.message;
  return `the NATS server ${address} can't be reached (${withoutSecrets(reason)}); start one there with nats-server, or name another with --control`;
}

function lineOf(connection: NatsConnection, address: string, createInbox: () => string): NatsLine {
  const watchers = new Set<(up: boolean) => void>();
  let trouble: (what: string) => void = () => {};
  let up = true;
  const change = (now: boolean): void => {
    if (now === up) return;
    up = now;
    for (const watcher of [...watchers]) watcher(now);
  };
  void (async () => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect' || status.type === 'close') change(false);
      else if (status.type === 'reconnect') change(true);
      else if (status.type === 'error') trouble(withoutSecrets(status.error.message));
    }
  })();
  return {
    address,
    maxPayloadBytes: connection.info?.max_payload ?? 1_048_576,
    publish: (subject, bytes, replyTo) => {
      if (up && !connection.isClosed()) connection.publish(subject, bytes, replyTo ? { reply: replyTo } : {});
    },
    subscribe: (subject, handle) => {
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) handle(message.data, (bytes) => void message.respond(bytes));
        },
      });
      return () => subscription.unsubscribe();
    },
    request: async (subject, bytes, timeoutMs) => {
      if (!up) return null;
      return connection.request(subject, bytes, { timeout: timeoutMs }).then(
        ({ data }) => data,
        () => null,
      );
    },
    onChange: (handle) => {
      watchers.add(handle);
      return () => watchers.delete(handle);
    },
    onTrouble: (handle) => {
      trouble = handle;
    },
    inbox: createInbox,
    close: async () => {
      watchers.clear();
      const timeout = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS).unref());
      // Draining waits for a server that may be away.
      if (up) await Promise.race([connection.drain().catch(() => {}), timeout]);
      await connection.close();
    },
  };
}
