/** Frames from message objects and back, in both directions, for whoever throws anything at the codec. */
import {
  type ClientFrames,
  encodeAck,
  encodeError,
  encodeGroup,
  encodeGroupMessage,
  encodeGroupState,
  encodeMessage,
  encodePresence,
  encodePresenceState,
  encodeReceipt,
  encodeRedirect,
  encodeReset,
  encodeSend,
  encodeSendGroup,
  encodeSent,
  encodeStatus,
  encodeWelcome,
  type FrameWriter,
  type ServerFrames,
} from '../../server/protocol/codec.ts';
import type { ClientMessage, ServerMessage } from '../../server/protocol/messages.ts';

export function writeClientMessage(w: FrameWriter, m: ClientMessage): void {
  if (m.type === 'send' && 'to' in m) encodeSend(w, m.id, m.to, m.body);
  else if (m.type === 'send') encodeSendGroup(w, m.id, m.group, m.body);
  else if (m.type === 'ack') encodeAck(w, m.seq);
  else if (m.type === 'status') encodeStatus(w, m.peers);
  else if (m.type === 'group') encodeGroup(w, m.id, m.action, m.group, m.open, m.users);
  else encodePresence(w, m.action, m.users);
}

export function writeServerMessage(w: FrameWriter, m: ServerMessage): void {
  if (m.type === 'welcome') encodeWelcome(w, m);
  else if (m.type === 'sent') encodeSent(w, m.id, m.seq, m.time);
  else if (m.type === 'message' && m.group !== undefined)
    encodeGroupMessage(w, m.direction, m.seq, m.id, m.time, m.peer, m.group, m.groupSeq!, m.body);
  else if (m.type === 'message') encodeMessage(w, m.direction, m.seq, m.id, m.time, m.peer, m.body);
  else if (m.type === 'group') encodeGroupState(w, m.id, m.group, m.role, m.members, m.head);
  else if (m.type === 'presence') encodePresenceState(w, m.users);
  else if (m.type === 'receipt') encodeReceipt(w, m.state, m.peer, m.upTo);
  else if (m.type === 'error') encodeError(w, m.code, m.id, m.retryAfterMs, m.text);
  else if (m.type === 'redirect') encodeRedirect(w, m.url);
  else encodeReset(w, m.position);
}

export function clientSink(list: ClientMessage[]): ClientFrames {
  return {
    send: (id, to, body) => list.push({ type: 'send', id, to, body: Buffer.from(body) }),
    ack: (seq) => list.push({ type: 'ack', seq }),
    status: (peers) => list.push({ type: 'status', peers }),
    sendGroup: (id, group, body) => list.push({ type: 'send', id, group, body: Buffer.from(body) }),
    group: (id, action, group, open, users) => list.push({ type: 'group', id, action, group, open, users }),
    presence: (action, users) => list.push({ type: 'presence', action, users }),
  };
}

export function serverSink(list: ServerMessage[]): ServerFrames {
  return {
    welcome: (message) => list.push(message),
    sent: (id, seq, time) => list.push({ type: 'sent', id, seq, time }),
    message: (direction, seq, id, time, peer, bytes, group, groupSeq) => {
      const message = { type: 'message' as const, direction, seq, id, time, peer, body: Buffer.from(bytes) };
      list.push(group === '' ? message : { ...message, group, groupSeq });
    },
    receipt: (state, peer, upTo) => list.push({ type: 'receipt', state, peer, upTo }),
    error: (code, id, retryAfterMs, text) => list.push({ type: 'error', code, id, retryAfterMs, text }),
    redirect: (url) => list.push({ type: 'redirect', url }),
    reset: (position) => list.push({ type: 'reset', position }),
    group: (id, group, role, members, head) => list.push({ type: 'group', id, group, role, members, head }),
    presence: (users) => list.push({ type: 'presence', users }),
  };
}
