/**
 * What the reference driver says, encoded. One buffer serves all connections: a frame goes to its WebSocket before the next one
 * is encoded. Throws FrameError for what the protocol does not allow, such as a name that is too long.
 */
import {
  encodeAck,
  encodeGroup,
  encodePresence,
  encodeSend,
  encodeSendGroup,
  encodeStatus,
  FrameWriter,
} from '../../server/protocol/codec.ts';

const writer = new FrameWriter();

export function ackFrame(seq: number): Uint8Array {
  writer.reset();
  encodeAck(writer, seq);
  return writer.view();
}

/** `ack`: the position to acknowledge along with it; 0: none. */
export function sendFrame(ack: number, id: number, to: string, body: Uint8Array): Uint8Array {
  writer.reset();
  if (ack > 0) encodeAck(writer, ack);
  encodeSend(writer, id, to, body);
  return writer.view();
}

/** As `sendFrame`, to a group. */
export function sendGroupFrame(ack: number, id: number, group: string, body: Uint8Array): Uint8Array {
  writer.reset();
  if (ack > 0) encodeAck(writer, ack);
  encodeSendGroup(writer, id, group, body);
  return writer.view();
}

/** At most 256 users. */
export function groupFrame(id: number, action: 'create' | 'add', group: string, users: string[]): Uint8Array {
  writer.reset();
  encodeGroup(writer, id, action, group, false, users);
  return writer.view();
}

/** At most 256 users. */
export function subscribeFrame(users: string[]): Uint8Array {
  writer.reset();
  encodePresence(writer, 'subscribe', users);
  return writer.view();
}

/** At most 256 peers. */
export function statusFrame(peers: string[]): Uint8Array {
  writer.reset();
  encodeStatus(writer, peers);
  return writer.view();
}
