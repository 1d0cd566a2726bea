/** A described JSON chat server as functions: what is sent as text, what a frame means. Pure. */
import { jsonTemplate, matcher, reader, textTemplate, urlTemplate, type Values, wholeNumber } from './json-template.ts';
import type { Description } from './json-websocket-config.ts';

/** What a frame of the server means to the client. Fields that the server did not give are empty, or undefined. */
export type Meaning =
  | { type: 'welcome' }
  | { type: 'refused'; reason: string; final: boolean }
  | { type: 'redirect'; url: string }
  | { type: 'received'; from: string; body: Buffer; position: number | undefined }
  | { type: 'acknowledged'; id: number; sequence: number | undefined }
  | { type: 'delivered'; id: number }
  | { type: 'delivered up to'; peer: string; upTo: number }
  | { type: 'failed'; id: number; reason: string; retryable: boolean; retryAfterMs: number }
  | { type: 'question'; answer: string };

export interface Dialect {
  url(values: Values, resuming: boolean): string;
  headers(values: Values): Record<string, string>;
  /** The first frame; undefined: none. */
  login(values: Values, resuming: boolean): string | undefined;
  /** Whether the server says when a user may begin. */
  welcomes: boolean;
  send(to: string, id: number, body: Uint8Array, user: string): string;
  acknowledge(position: number, from: string, user: string): string;
  keepAlive(user: string): string;
  /** Undefined: nothing of interest. Throws a DialectError when a frame that is of interest lacks what it must have. */
  read(frame: unknown, user: string): Meaning | undefined;
}

export class DialectError extends Error {}

export function createDialect(description: Description): Dialect {
  const { resume, acknowledge, keepAlive, body: encoding } = description;
  const url = urlTemplate(description.url);
  const resumeUrl = resume?.url === undefined ? url : urlTemplate(resume.url);
  const login = description.login === undefined ? undefined : jsonTemplate(description.login);
  const resumeLogin = resume?.login === undefined ? login : jsonTemplate(resume.login);
  const headers = Object.entries(description.headers).map(([name, value]) => [name, textTemplate(value)] as const);
  const send = jsonTemplate(description.send);
  const acknowledgement = jsonTemplate(acknowledge?.send ?? null);
  const ping = jsonTemplate(keepAlive?.send ?? null);
  const readers = createReaders(description);
  return {
    url: (values, resuming) => (resuming ? resumeUrl : url)(values),
    headers: (values) => Object.fromEntries(headers.map(([name, value]) => [name, value(values)])),
    login: (values, resuming) => (resuming ? resumeLogin : login)?.(values),
    welcomes: description.welcome !== undefined,
    send: (to, id, body, user) =>
      send({ to, id, user, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString(encoding) }),
    acknowledge: (position, from, user) => acknowledgement({ position, from, user }),
    keepAlive: (user) => ping({ user }),
    read(frame, user) {
      for (const { fits, read } of readers) if (fits(frame, user)) return read(frame, user);
      return undefined;
    },
  };
}

interface FrameKind {
  fits: (frame: unknown, user: string) => boolean;
  read: (frame: unknown, user: string) => Meaning;
}

/** The most frequent first; the first that fits is taken. */
function createReaders(description: Description): FrameKind[] {
  const {
    received,
    acknowledged,
    delivered,
    failed,
    welcome,
    refused,
    redirect,
    answers,
    body: encoding,
  } = description;
  const kinds: FrameKind[] = [];
  const add = (what: { when: Parameters<typeof matcher>[0] } | undefined, read: FrameKind['read']): void => {
    if (what !== undefined) kinds.push({ fits: matcher(what.when), read });
  };
  const id = whole('id', acknowledged?.id);
  const sequence = optional(acknowledged?.sequence, wholeNumber);
  add(acknowledged, (frame) => ({ type: 'acknowledged', id: id(frame), sequence: sequence(frame) }));
  const [from, body, position] = [
    text('from', received.from),
    text('body', received.body),
    optional(received.position, wholeNumber),
  ];
  add(received, (frame) => ({
    type: 'received',
    from: from(frame),
    body: Buffer.from(body(frame), encoding),
    position: position(frame),
  }));
  if (delivered && 'id' in delivered) {
    const deliveredId = whole('id', delivered.id);
    add(delivered, (frame) => ({ type: 'delivered', id: deliveredId(frame) }));
  } else if (delivered) {
    const [peer, upTo] = [text('peer', delivered.peer), whole('upTo', delivered.upTo)];
    add(delivered, (frame) => ({ type: 'delivered up to', peer: peer(frame), upTo: upTo(frame) }));
  }
  if (failed) {
    const [failedId, reason, pause] = [
      whole('id', failed.id),
      optional(failed.reason, words),
      optional(failed.retryAfterMs, wholeNumber),
    ];
    const { retryable } = failed;
    const again = typeof retryable === 'boolean' ? () => retryable : matcher(retryable);
    add(failed, (frame, user) => ({
      type: 'failed',
      id: failedId(frame),
      reason: reason(frame) ?? 'the server refused the message',
      retryable: again(frame, user),
      retryAfterMs: pause(frame) ?? 0,
    }));
  }
  add(welcome, () => ({ type: 'welcome' }));
  if (refused) {
    const reason = optional(refused.reason, words);
    add(refused, (frame) => ({ type: 'refused', reason: reason(frame) ?? '', final: refused.final }));
  }
  const redirected = text('url', redirect?.url ?? '');
  add(redirect, (frame) => ({ type: 'redirect', url: redirected(frame) }));
  for (const question of answers) {
    const answer = jsonTemplate(question.send);
    add(question, (_frame, user) => ({ type: 'question', answer: answer({ user }) }));
  }
  return kinds;
}

function whole(what: string, path: string | undefined): (frame: unknown) => number {
  const read = reader(path ?? '');
  return (frame) => wholeNumber(read(frame)) ?? lacks(frame, `whole number as ${what}`, path);
}

function text(what: string, path: string): (frame: unknown) => string {
  const read = reader(path);
  return (frame) => words(read(frame)) ?? lacks(frame, `text as ${what}`, path);
}

function optional<T>(
  path: string | undefined,
  as: (value: unknown) => T | undefined,
): (frame: unknown) => T | undefined {
  if (path === undefined) return () => undefined;
  const read = reader(path);
  return (frame) => as(read(frame));
}

function words(value: unknown): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
}

function lacks(frame: unknown, what: string, path: string | undefined): never {
  throw new DialectError(`a frame has no ${what} at "${path}": ${JSON.stringify(frame).slice(0, 200)}`);
}
