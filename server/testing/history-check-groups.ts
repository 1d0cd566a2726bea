/**
 * What must hold of groups once everything has come to rest: a group has one order; whoever was a member at a place of it has
 * the message exactly once, in that order; nobody else has it; what was acknowledged is in it.
 */
import { frameOf, groupOf, groupSeqOf, idOf, isOut, peerOf } from '../messenger/entry.ts';
import { groupOwner } from '../messenger/owners.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import { logicalShard } from '../shard-map.ts';
import { PROPERTY } from '../store/properties.ts';
import type { ChatSimulation } from './chat-simulation.ts';
import type { MembershipRequest, Observations, SimulatedClient } from './simulated-client.ts';

export async function checkGroups(
  chat: ChatSimulation,
  clients: SimulatedClient[],
  users: string[],
  groups: string[],
  seen: Observations,
): Promise<string[]> {
  const problems: string[] = [];
  for (const group of groups) {
    const history = await groupHistory(chat, group);
    for (const [i, { seq }] of history.entries())
      if (seq !== i + 1) problems.push(`${group}: place ${i + 1} of the history has seq ${seq}`);
    problems.push(...checkSent(group, history, clients));
    const requests = seen.memberships.filter((request) => request.group === group);
    for (const user of users) {
      const received = await receivedFrom(chat, user, group);
      problems.push(...checkReceived(group, user, history, received, requests));
      problems.push(...(await checkRole(chat, group, user)));
    }
  }
  return problems;
}

interface GroupMessage {
  /** Place in the group's order. */
  seq: number;
  key: string;
  author: string;
}

async function groupHistory(chat: ChatSimulation, group: string): Promise<GroupMessage[]> {
  const { store } = chat.volume(chat.volumeOf(group));
  const entries = await store.timeline(logicalShard(group), groupOwner(group), { limit: 1_000_000 });
  return entries.map(({ seq, value }) => ({ seq, key: keyOf(value), author: peerOf(value) }));
}

async function receivedFrom(chat: ChatSimulation, user: string, group: string): Promise<GroupMessage[]> {
  const entries = await chat.timeline(user);
  return entries
    .filter(({ value }) => !isOut(value) && groupOf(value) === group)
    .map(({ value }) => ({ seq: groupSeqOf(value), key: keyOf(value), author: peerOf(value) }));
}

/** What was acknowledged is in the history once; what is there was sent, and nobody was told that it was not. */
function checkSent(group: string, history: GroupMessage[], clients: SimulatedClient[]): string[] {
  const problems: string[] = [];
  const known = new Set<string>();
  for (const client of clients) {
    for (const { id, to, toGroup, body, seq } of client.sent) {
      if (!toGroup || to !== group) continue;
      const key = JSON.stringify([client.user, id, body]);
      known.add(key);
      const copies = history.filter((message) => message.key === key).length;
      if (seq === undefined && !client.refused.has(id)) problems.push(`${client.user}: send ${id} was never answered`);
      if (copies !== (seq === undefined ? 0 : 1))
        problems.push(`${group}: message ${id} of ${client.user}, answered by ${seq}, is there ${copies} times`);
    }
  }
  for (const { seq, key } of history)
    if (!known.has(key)) problems.push(`${group}: place ${seq} holds ${key}, which was not sent`);
  return problems;
}

function checkReceived(
  group: string,
  user: string,
  history: GroupMessage[],
  received: GroupMessage[],
  requests: MembershipRequest[],
): string[] {
  const problems: string[] = [];
  const has = new Set<number>();
  let last = 0;
  for (const { seq, key, author } of received) {
    if (seq <= last) problems.push(`${user}: place ${seq} of ${group} comes after ${last}`);
    last = Math.max(last, seq);
    has.add(seq);
    if (history[seq - 1]?.key !== key)
      problems.push(`${user}: place ${seq} of ${group} is ${key}, not ${history[seq - 1]?.key}`);
    if (author === user) problems.push(`${user} received what he wrote to ${group}`);
  }
  const own = requests.filter(({ users }) => users.includes(user));
  const must = mustHaveAfter(user, own);
  for (const { seq, author } of history) {
    if (author === user || has.has(seq)) continue;
    if (must !== null && seq > must) problems.push(`${user}, a member of ${group} after ${must}, lacks place ${seq}`);
  }
  const mustNot = mustNotHaveAfter(user, own);
  for (const seq of has)
    if (seq > mustNot) problems.push(`${user}, no member of ${group} after ${mustNot}, has place ${seq}`);
  const gaps = countGaps(user, history, has);
  const leaves = own.filter(({ joins }) => !joins).length;
  if (gaps > leaves)
    problems.push(`${user}: ${gaps} gaps in what came from ${group}, though he left ${leaves} times at most`);
  return problems;
}

/** After this place the user was certainly a member until the end; null: not certain. */
function mustHaveAfter(user: string, own: MembershipRequest[]): number | null {
  const lastLeave = Math.max(
    0,
    ...own
      .filter(mayHaveWorked)
      .filter(({ joins }) => !joins)
      .map(endOf),
  );
  const joins = own.filter((request) => request.joins && isSure(request, user) && request.askedAt > lastLeave);
  return joins.length === 0 ? null : Math.min(...joins.map(({ head }) => head!));
}

/** After this place the user was certainly no member until the end; never certain: infinite. */
function mustNotHaveAfter(user: string, own: MembershipRequest[]): number {
  const joins = own.filter(mayHaveWorked).filter(({ joins }) => joins);
  if (joins.length === 0) return 0;
  const lastJoin = Math.max(...joins.map(endOf));
  const leaves = own.filter((request) => !request.joins && isSure(request, user) && request.askedAt > lastJoin);
  return leaves.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...leaves.map(({ head }) => head!));
}

function isSure({ head, sure }: MembershipRequest, user: string): boolean {
  return head !== null && sure.includes(user);
}

/** A request that was refused for certain changed nothing. */
function mayHaveWorked({ answeredAt, head }: MembershipRequest): boolean {
  return answeredAt === null || head !== null;
}

/** From then on the request has no effect any more: never, when its answer did not come. */
function endOf({ answeredAt }: MembershipRequest): number {
  return answeredAt ?? Number.POSITIVE_INFINITY;
}

/** Runs of missing places between places that the user has. */
function countGaps(user: string, history: GroupMessage[], has: Set<number>): number {
  let gaps = 0;
  let missing = false;
  let begun = false;
  for (const { seq, author } of history) {
    if (author === user) continue;
    if (!has.has(seq)) missing = begun;
    else {
      if (missing) gaps++;
      missing = false;
      begun = true;
    }
  }
  return gaps;
}

/** The member's own shard knows the same as the group's. */
async function checkRole(chat: ChatSimulation, group: string, user: string): Promise<string[]> {
  const there = await chat.volume(chat.volumeOf(group)).groups.roleOf(group, user);
  const { store } = chat.volume(chat.volumeOf(user));
  const here = (await store.property(logicalShard(user), user, PROPERTY.membership, group))?.[0] ?? 0;
  return here === there ? [] : [`${user}: role ${there} in ${group}, but ${here} by his own shard`];
}

function keyOf(value: Buffer): string {
  const { body } = JSON.parse(jsonFromServerFrames(frameOf(value))[0]!) as { body: string };
  return JSON.stringify([peerOf(value), idOf(value), body]);
}
