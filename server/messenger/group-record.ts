/**
 * What travels in the fan-out lane, from a group's volume to the volumes of its members, in the group's order. A record is a
 * row of items:
 *
 *   message  u8 1 · name group · u32 length · the group's entry
 *   change   u8 2 · name group · name user · u8 role (0: no member any more)
 *
 * One message item per volume, whatever the number of members there: the volume knows them from the changes.
 */
import type { FrameWriter } from '../protocol/codec.ts';
import { appendName } from './forward-record.ts';

const MESSAGE = 1;
const CHANGE = 2;

export type FanoutItem =
  /** `value` is a view of the record. */
  { kind: 'message'; group: string; value: Buffer } | { kind: 'change'; group: string; user: string; role: number };

export function appendFanoutMessage(w: FrameWriter, group: string, value: Buffer): void {
  w.reserve(1);
  w.buffer[w.length++] = MESSAGE;
  appendName(w, group);
  w.reserve(4 + value.length);
  w.buffer.writeUInt32BE(value.length, w.length);
  value.copy(w.buffer, w.length + 4);
  w.length += 4 + value.length;
}

export function appendFanoutChange(w: FrameWriter, group: string, user: string, role: number): void {
  w.reserve(1);
  w.buffer[w.length++] = CHANGE;
  appendName(w, group);
  appendName(w, user);
  w.reserve(1);
  w.buffer[w.length++] = role;
}

export function readFanout(record: Buffer): FanoutItem[] {
  const items: FanoutItem[] = [];
  let at = 0;
  const name = (): string => {
    const end = at + 1 + record[at]!;
    const text = record.toString('utf8', at + 1, end);
    at = end;
    return text;
  };
  while (at < record.length) {
    const kind = record[at++];
    const group = name();
    if (kind === MESSAGE) {
      const end = at + 4 + record.readUInt32BE(at);
      items.push({ kind: 'message', group, value: record.subarray(at + 4, end) });
      at = end;
    } else {
      const user = name();
      items.push({ kind: 'change', group, user, role: record[at++]! });
    }
  }
  return items;
}
