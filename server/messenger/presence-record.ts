/**
 * What travels between volumes about presence. Names are `u8 length · UTF-8`.
 *
 *   watch    u8 what (1 add, 2 remove, 3 these and no others) · names      the sender watches these users
 *   states   (u8 state · name) …                                          of users that the receiver watches
 *   pull     u32 number · names
 *   pulled   u32 number · (u8 state · name) …
 */
import { FrameWriter } from '../protocol/codec.ts';
import { PRESENCE_STATES, type PresenceStates } from '../protocol/messages.ts';
import { appendName } from './forward-record.ts';

export const WATCH = { add: 1, remove: 2, replace: 3 } as const;
export type Watch = (typeof WATCH)[keyof typeof WATCH];
export type States = PresenceStates['users'];

export function encodeWatch(what: Watch, names: Iterable<string>): Buffer {
  const w = new FrameWriter(1_024);
  w.buffer[w.length++] = what;
  for (const name of names) appendName(w, name);
  return w.take();
}

export function decodeWatch(payload: Buffer): { what: Watch; names: string[] } {
  return { what: payload[0] as Watch, names: readNames(payload, 1) };
}

export function encodeStates(states: States): Buffer {
  const w = new FrameWriter(1_024);
  appendStates(w, states);
  return w.take();
}

export function decodeStates(payload: Buffer, from = 0): States {
  const states: States = [];
  let at = from;
  while (at < payload.length) {
    const end = at + 2 + payload[at + 1]!;
    states.push({ state: PRESENCE_STATES[payload[at]!]!, user: payload.toString('utf8', at + 2, end) });
    at = end;
  }
  return states;
}

export function encodePull(number: number, names: string[]): Buffer {
  const w = numbered(number);
  for (const name of names) appendName(w, name);
  return w.take();
}

export function encodePulled(number: number, states: States): Buffer {
  const w = numbered(number);
  appendStates(w, states);
  return w.take();
}

/** The number of a question or its answer. */
export function numberOf(payload: Buffer): number {
  return payload.readUInt32BE(0);
}

export function namesOfPull(payload: Buffer): string[] {
  return readNames(payload, 4);
}

export function statesOfPulled(payload: Buffer): States {
  return decodeStates(payload, 4);
}

function numbered(number: number): FrameWriter {
  const w = new FrameWriter(1_024);
  w.buffer.writeUInt32BE(number, 0);
  w.length = 4;
  return w;
}

function appendStates(w: FrameWriter, states: States): void {
  for (const { user, state } of states) {
    w.reserve(1);
    w.buffer[w.length++] = PRESENCE_STATES.indexOf(state);
    appendName(w, user);
  }
}

function readNames(payload: Buffer, from: number): string[] {
  const names: string[] = [];
  let at = from;
  while (at < payload.length) {
    const end = at + 1 + payload[at]!;
    names.push(payload.toString('utf8', at + 1, end));
    at = end;
  }
  return names;
}
