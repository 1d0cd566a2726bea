/**
 * What a sender's stream comes to at the receivers. A message to a user is owed to each device of theirs, one to a group to each
 * device of every other member: each (sender, recipient) stream of a sender stands for as many streams of one receiving device,
 * and it is these that are judged.
 *
 * The streams are made while they are gone through, so that a stream to a group of thousands costs its numbers once.
 */
import { deviceKey, GROUP_CODE } from './ledger-keys.ts';
import type { AgentLedgers, ReceiverSummary } from './ledger-summaries.ts';
import { StreamTable } from './stream-table.ts';

/** To whom messages are owed: users 0 … users − 1, and groups as the senders number them. The same for the whole run. */
export interface Audience {
  users: number;
  /** 1 or more. */
  devicesOf(user: number): number;
  /** Users. The sender may be among them, or not. */
  membersOf(group: number): readonly number[];
}

/** The two ends of a stream, as people know them. */
export interface StreamName {
  /** Indices of the users. */
  sender: number;
  recipient: number;
  /** Only in a message to a group: its number. */
  group?: number;
  /** Only where it is not the first. */
  device?: number;
}

/** Names of streams of one receiving device: `sender` and `recipient` are keys as in ledger-keys.ts, the same for all agents. */
export interface LedgerExpansion {
  /** Turns the senders' keys that one agent uses into those of the run. */
  senderKeys(receiver: ReceiverSummary): (key: number) => number;
  /** Call with each stream that a sender's stream to `recipient`, a user or a group's code, comes to. */
  eachDelivery(sender: number, recipient: number, call: (senderKey: number, recipientKey: number) => void): void;
  userOf(recipientKey: number): number;
  /** The sender's stream that such a stream would come from. */
  source(senderKey: number, recipientKey: number): { sender: number; recipient: number };
  name(senderKey: number, recipientKey: number): StreamName;
}

export interface ExpandedLedgers {
  agents: AgentLedgers;
  expansion: LedgerExpansion;
}

/** The ledgers with what `reconcile` must know of groups and devices; the ledgers themselves where there are none. */
export function expandLedgers(agents: AgentLedgers, audience: Audience): AgentLedgers | ExpandedLedgers {
  if (!hasGroups(agents) && !hasDevices(audience)) return agents;
  return { agents, expansion: expansionFor(audience) };
}

/** Users with one device each, and no groups. */
export const PLAIN: LedgerExpansion = {
  senderKeys: () => (key) => key,
  eachDelivery: (sender, recipient, call) => call(sender, recipient),
  userOf: (recipient) => recipient,
  source: (sender, recipient) => ({ sender, recipient }),
  name: (sender, recipient) => ({ sender, recipient }),
};

function hasGroups(agents: AgentLedgers): boolean {
  for (const agent of agents) {
    if (agent === null) continue;
    if (agent.receiver.groupStreams.length > 0) return true;
    const { streams } = agent.sender;
    for (let i = 1; i < streams.length; i += 4) if (streams[i]! >= GROUP_CODE) return true;
  }
  return false;
}

function hasDevices({ users, devicesOf }: Audience): boolean {
  for (let user = 0; user < users; user++) if (devicesOf(user) > 1) return true;
  return false;
}

function expansionFor({ users, devicesOf, membersOf }: Audience): LedgerExpansion {
  /** (sender, group); the slot makes the sender's key of the run. */
  const groupStreams = new StreamTable();
  const devicesOfGroups = new Map<number, Uint32Array>();

  function devicesOfGroup(group: number): Uint32Array {
    let keys = devicesOfGroups.get(group);
    if (keys === undefined) {
      keys = Uint32Array.from([...new Set(membersOf(group))].flatMap(keysOf));
      devicesOfGroups.set(group, keys);
    }
    return keys;
  }

  function keysOf(user: number): number[] {
    return Array.from({ length: devicesOf(user) }, (_, device) => deviceKey(user, device, users));
  }

  function source(senderKey: number, recipientKey: number) {
    if (senderKey < GROUP_CODE) return { sender: senderKey, recipient: recipientKey % users };
    const slot = senderKey - GROUP_CODE;
    return { sender: groupStreams.sender(slot), recipient: GROUP_CODE + groupStreams.recipient(slot) };
  }

  return {
    senderKeys({ groupStreams: own }) {
      const keys: number[] = [];
      for (let i = 0; i < own.length; i += 2) keys.push(GROUP_CODE + groupStreams.slot(own[i]!, own[i + 1]!));
      return (key) => (key < GROUP_CODE ? key : keys[key - GROUP_CODE]!);
    },
    eachDelivery(sender, recipient, call) {
      if (recipient < GROUP_CODE) {
        for (let device = devicesOf(recipient) - 1; device >= 0; device--)
          call(sender, deviceKey(recipient, device, users));
        return;
      }
      const group = recipient - GROUP_CODE;
      const senderKey = GROUP_CODE + groupStreams.slot(sender, group);
      for (const key of devicesOfGroup(group)) if (key % users !== sender) call(senderKey, key);
    },
    userOf: (recipientKey) => recipientKey % users,
    source,
    name(senderKey, recipientKey) {
      const { sender, recipient } = source(senderKey, recipientKey);
      const device = Math.floor(recipientKey / users);
      return {
        sender,
        recipient: recipientKey % users,
        ...(recipient >= GROUP_CODE && { group: recipient - GROUP_CODE }),
        ...(device > 0 && { device }),
      };
    },
  };
}
