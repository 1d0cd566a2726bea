/** Requests beside polling and sending: groups, and receipts that came while a user was away. */
import { LIMITS } from '../../server/protocol/messages.ts';
import type { HttpAnswer, HttpQuestion } from './poll-client.ts';
import { RETRYABLE_ERRORS } from './reference-codes.ts';
import { DriverError } from './target-driver.ts';

/** Asks the process that holds the user or group `holder`, going where it is sent. Rejects with a DriverError. */
export type AskHolder = (
  holder: string,
  question: Pick<HttpQuestion, 'method' | 'path' | 'body'>,
) => Promise<HttpAnswer>;

/** For a whole group, repetitions included. */
const TIMEOUT_MS = 30_000;
/** Where the server does not say when to ask again. */
const RETRY_MS = 1_000;

/**
 * Have `user` own a group with these members; what is missing in one of his that is there already is added. Rejects with a
 * DriverError after 30 s, or when the server refuses.
 */
export async function createGroup(
  ask: AskHolder,
  user: string,
  group: string,
  members: readonly string[],
): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  const post = (path: string, body: object): Promise<Record<string, unknown>> =>
    untilTaken(() => ask(group, { method: 'POST', path, body: JSON.stringify(body) }), deadline);
  const others = [...new Set(members)].filter((member) => member !== user);
  const [first = [], ...rest] = pieces(others, LIMITS.namedUsers);
  const by = `user=${encodeURIComponent(user)}`;
  const made = await post(`/v1/groups?${by}`, { group, users: first });
  // To create what is there already is no error for its owner, but changes nothing either.
  const isNew = made.head === 0 && made.members === first.length + 1;
  for (const users of isNew ? rest : [first, ...rest])
    if (users.length > 0) await post(`/v1/groups/${encodeURIComponent(group)}/members?${by}`, { users });
}

export interface Receipt {
  state: string;
  peer: string;
  upTo: number;
}

/** How far messages of `user` to these peers have come; nothing of those where it can't be learnt now. */
export async function askReceipts(ask: AskHolder, user: string, peers: readonly string[]): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (const some of pieces(peers, RECEIPT_PEERS)) {
    const named = some.map(encodeURIComponent).join(',');
    const path = `/v1/receipts?user=${encodeURIComponent(user)}&peers=${named}`;
    const { status, body } = await ask(user, { method: 'GET', path });
    if (status === 200) receipts.push(...(body.receipts as Receipt[]));
  }
  return receipts;
}

/** A request line has no more than 4,096 bytes; an encoded name may have 192. */
const RECEIPT_PEERS = 16;

/** The body of a success; what the server can't do now is asked again. */
async function untilTaken(ask: () => Promise<HttpAnswer>, deadline: number): Promise<Record<string, unknown>> {
  for (;;) {
    const { status, body } = await ask();
    if (status === 200 || status === 201) return body;
    const pauseMs = Number(body.retryAfterMs ?? RETRY_MS);
    const retryable = status >= 503 || RETRYABLE_ERRORS.has(Number(body.code));
    if (!retryable || performance.now() + pauseMs > deadline)
      throw new DriverError('server', `the server refused: ${String(body.error ?? status)}`, { final: !retryable });
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function pieces<T>(list: readonly T[], most: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / most) }, (_, i) => list.slice(i * most, (i + 1) * most));
}
