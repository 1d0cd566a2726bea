/**
 * The verdict on a crash test: the timelines as the history gives them at the end, against what was sent, answered and seen.
 * It trusts nothing that the server said but `sent`, and it is itself tested with broken timelines (crash-check.test.ts).
 */
import { type CrashEntry, type CrashMessage, type CrashRecord, type CrashUser, keyOf, textOf } from './crash-record.ts';

export interface CrashTotals {
  sent: number;
  acknowledged: number;
  entries: number;
  groupMessages: number;
}

/** Adds what is wrong to the record's problems. `timelines`: by user, oldest first, complete. */
export function checkTimelines(record: CrashRecord, timelines: Map<string, CrashEntry[]>): CrashTotals {
  const totals = { sent: 0, acknowledged: 0, entries: 0, groupMessages: 0 };
  for (const user of record.users.values()) {
    const entries = timelines.get(user.name)!;
    totals.entries += entries.length;
    checkOwn(record, user, entries);
    checkReceived(record, user, entries);
    for (const message of user.sent.values()) {
      totals.sent++;
      if (message.seq > 0) totals.acknowledged++;
      else record.problem('unanswered', `${user.name}: message ${message.id} to ${message.to} never got its answer`);
    }
  }
  for (const [group, members] of record.groups) totals.groupMessages += checkGroup(record, group, members, timelines);
  return totals;
}

/** Gap-free, as the devices saw it, with each own message once and where `sent` said. */
function checkOwn(record: CrashRecord, user: CrashUser, entries: CrashEntry[]): void {
  const own = new Map<number, number>();
  for (const [i, entry] of entries.entries()) {
    if (entry.seq !== i + 1) record.problem('gap', `${user.name}: place ${i + 1} of the timeline has seq ${entry.seq}`);
    const seen = user.seen.get(entry.seq);
    if (seen === undefined) record.problem('unseen', `${user.name}: no device was shown place ${entry.seq}`);
    else if (seen !== textOf(entry))
      record.problem('changed', `${user.name}: place ${entry.seq} was ${seen} and is ${textOf(entry)}`);
    if (entry.direction !== 'out') continue;
    if (own.has(entry.id))
      record.problem(
        'duplicated',
        `${user.name}: own message ${entry.id} stands at ${own.get(entry.id)} and ${entry.seq}`,
      );
    own.set(entry.id, entry.seq);
    const message = user.sent.get(entry.id);
    const to = entry.group === '' ? entry.peer : entry.group;
    if (message === undefined || message.body !== entry.body || message.to !== to)
      record.problem('invented', `${user.name}: place ${entry.seq} holds ${textOf(entry)}, which was not sent`);
  }
  for (const seq of user.seen.keys())
    if (seq > entries.length) record.problem('lost', `${user.name}: place ${seq}, which a device was shown, is gone`);
  for (const { id, seq } of user.sent.values())
    if (seq > 0 && own.get(id) !== seq)
      record.problem(
        'lost',
        `${user.name}: own message ${id} was answered by place ${seq} and is at ${own.get(id) ?? 'none'}`,
      );
}

/** Every message to this user once, nothing else, and those of each device in the order of sending. */
function checkReceived(record: CrashRecord, user: CrashUser, entries: CrashEntry[]): void {
  const places = new Map<string, number>();
  const lastOfDevice = new Map<number, number>();
  for (const entry of entries) {
    if (entry.direction !== 'in' || entry.group !== '') continue;
    const key = keyOf(entry.peer, entry.id);
    const message = record.users.get(entry.peer)?.sent.get(entry.id);
    if (places.has(key))
      record.problem('duplicated', `${user.name}: message ${key} stands at ${places.get(key)} and ${entry.seq}`);
    places.set(key, entry.seq);
    if (message === undefined || message.to !== user.name || message.body !== entry.body)
      record.problem('invented', `${user.name}: place ${entry.seq} holds ${textOf(entry)}, which was not sent`);
    else checkOrder(record, user.name, message, lastOfDevice);
  }
  for (const sender of record.users.values()) {
    let newest = 0;
    for (const { id, to, toGroup, seq } of sender.sent.values()) {
      if (toGroup || to !== user.name || seq === 0) continue;
      newest = Math.max(newest, seq);
      if (!places.has(keyOf(sender.name, id)))
        record.problem('lost', `${user.name}: message ${id} of ${sender.name}, acknowledged, is not in the timeline`);
    }
    if ((sender.delivered.get(user.name) ?? 0) < newest)
      record.problem(
        'receipt',
        `${sender.name}: what ${user.name} has up to ${newest} was called delivered up to ${sender.delivered.get(user.name) ?? 0} only`,
      );
  }
}

/** All members have the same messages at the same places of the group's order, each once, none missing. */
function checkGroup(
  record: CrashRecord,
  group: string,
  members: string[],
  timelines: Map<string, CrashEntry[]>,
): number {
  const order = new Map<number, string>();
  const sent = members.flatMap((name) =>
    [...record.users.get(name)!.sent.values()]
      .filter((message) => message.toGroup && message.to === group)
      .map((message) => ({ name, message })),
  );
  for (const member of members) {
    const keys = new Map<string, number>();
    const lastOfDevice = new Map<number, number>();
    let last = 0;
    for (const entry of timelines.get(member)!) {
      if (entry.direction !== 'in' || entry.group !== group) continue;
      const key = keyOf(entry.peer, entry.id);
      if (keys.has(key))
        record.problem('duplicated', `${member}: ${key} of group ${group} stands at ${keys.get(key)} and ${entry.seq}`);
      keys.set(key, entry.seq);
      if (entry.groupSeq <= last)
        record.problem('reordered', `${member}: place ${entry.groupSeq} of group ${group} comes after ${last}`);
      last = entry.groupSeq;
      const known = order.get(entry.groupSeq);
      if (known !== undefined && known !== key)
        record.problem('changed', `${member}: place ${entry.groupSeq} of group ${group} is ${key}, elsewhere ${known}`);
      order.set(entry.groupSeq, key);
      const message = record.users.get(entry.peer)?.sent.get(entry.id);
      if (message === undefined || message.to !== group || message.body !== entry.body)
        record.problem('invented', `${member}: place ${entry.seq} holds ${textOf(entry)}, which was not sent`);
      else checkOrder(record, member, message, lastOfDevice);
    }
    for (const { name, message } of sent)
      if (name !== member && message.seq > 0 && !keys.has(keyOf(name, message.id)))
        record.problem(
          'lost',
          `${member}: message ${message.id} of ${name} to group ${group}, acknowledged, is not in the timeline`,
        );
  }
  const places = [...order.keys()];
  if (places.length > 0 && Math.max(...places) !== places.length)
    record.problem('gap', `group ${group}: ${places.length} messages have places up to ${Math.max(...places)}`);
  return sent.length;
}

function checkOrder(
  record: CrashRecord,
  where: string,
  message: CrashMessage,
  lastOfDevice: Map<number, number>,
): void {
  if (message.refused) return;
  const last = lastOfDevice.get(message.device) ?? 0;
  if (message.id < last)
    record.problem(
      'reordered',
      `${where}: message ${message.id} of device ${message.device} comes after its message ${last}`,
    );
  lastOfDevice.set(message.device, Math.max(last, message.id));
}
