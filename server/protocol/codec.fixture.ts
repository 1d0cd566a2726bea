/** What the tests of both codecs share: arbitrary messages, and messages to frames and back. */
import fc from 'fast-check';
import {
  type ClientFrames,
  decodeClientFrames,
  decodeServerFrames,
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
  FrameWriter,
  isDeviceId,
  isUserId,
  type ServerFrames,
} from './codec.ts';
import {
  type ClientMessage,
  GROUP_ACTIONS,
  GROUP_ROLES,
  PRESENCE_ACTIONS,
  PRESENCE_STATES,
  type ServerMessage,
} from './messages.ts';

const position = fc.maxSafeNat();
const positive = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const user = fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme' })).filter(isUserId);
const device = fc.string({ minLength: 1 }).filter(isDeviceId);
const text = fc.string({ unit: 'grapheme' });
const body = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  text.map((s) => Buffer.from(s)),
);

const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record({ type: fc.constant('send' as const), id: positive, to: user, body }),
  fc.record({ type: fc.constant('ack' as const), seq: position }),
  fc.record({ type: fc.constant('status' as const), peers: fc.array(user) }),
  fc.record({ type: fc.constant('send' as const), id: positive, group: user, body }),
  fc.record({
    type: fc.constant('group' as const),
    id: position,
    action: fc.constantFrom(...GROUP_ACTIONS),
    group: user,
    open: fc.boolean(),
    users: fc.array(user),
  }),
  fc.record({
    type: fc.constant('presence' as const),
    action: fc.constantFrom(...PRESENCE_ACTIONS),
    users: fc.array(user),
  }),
);
const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({
    type: fc.constant('welcome' as const),
    user,
    device,
    head: position,
    after: position,
    time: position,
    idleTimeoutSeconds: fc.nat(0xffff),
    maxBodyBytes: fc.nat(0xffff_ffff),
  }),
  fc.record({ type: fc.constant('sent' as const), id: positive, seq: positive, time: position }),
  fc.record({
    type: fc.constant('message' as const),
    direction: fc.constantFrom('in' as const, 'out' as const),
    seq: positive,
    id: positive,
    time: position,
    peer: user,
    body,
  }),
  fc.record({
    type: fc.constant('receipt' as const),
    state: fc.constantFrom('delivered' as const, 'stored' as const),
    peer: user,
    upTo: position,
  }),
  fc.record({
    type: fc.constant('error' as const),
    code: fc.nat(0xffff),
    id: position,
    retryAfterMs: fc.nat(0xffff_ffff),
    text,
  }),
  fc.record({ type: fc.constant('redirect' as const), url: text }),
  fc.record({
    type: fc.constant('message' as const),
    direction: fc.constantFrom('in' as const, 'out' as const),
    seq: positive,
    id: positive,
    time: position,
    peer: user,
    group: user,
    groupSeq: position,
    body,
  }),
  fc.record({
    type: fc.constant('group' as const),
    id: position,
    group: user,
    role: fc.constantFrom(...GROUP_ROLES),
    members: fc.nat(0xffff_ffff),
    head: position,
  }),
  fc.record({
    type: fc.constant('presence' as const),
    users: fc.array(fc.record({ user, state: fc.constantFrom(...PRESENCE_STATES) }), { maxLength: 4 }),
  }),
  fc.record({ type: fc.constant('reset' as const), position }),
);

export const clientMessages = fc.array(clientMessage, { maxLength: 6 });
export const serverMessages = fc.array(serverMessage, { maxLength: 6 });

export function encodeClient(list: ClientMessage[]): Buffer {
  const w = new FrameWriter();
  for (const m of list) {
    if (m.type === 'send' && 'to' in m) encodeSend(w, m.id, m.to, m.body);
    else if (m.type === 'send') encodeSendGroup(w, m.id, m.group, m.body);
    else if (m.type === 'ack') encodeAck(w, m.seq);
    else if (m.type === 'status') encodeStatus(w, m.peers);
    else if (m.type === 'group') encodeGroup(w, m.id, m.action, m.group, m.open, m.users);
    else encodePresence(w, m.action, m.users);
  }
  return w.take();
}

export function encodeServer(list: ServerMessage[]): Buffer {
  const w = new FrameWriter();
  for (const m of list) {
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
  return w.take();
}

export function clientSink(list: ClientMessage[]): ClientFrames {
  return {
    send: (id, to, bytes) => list.push({ type: 'send', id, to, body: Buffer.from(bytes) }),
    ack: (seq) => list.push({ type: 'ack', seq }),
    status: (peers) => list.push({ type: 'status', peers }),
    sendGroup: (id, group, bytes) => list.push({ type: 'send', id, group, body: Buffer.from(bytes) }),
    group: (id, action, group, open, users) => list.push({ type: 'group', id, action, group, open, users }),
    presence: (action, users) => list.push({ type: 'presence', action, users }),
  };
}

export function serverSink(list: ServerMessage[]): ServerFrames {
  return {
    welcome: (message) => list.push(message),
    sent: (id, seq, time) => list.push({ type: 'sent', id, seq, time }),
    message: (direction, seq, id, time, peer, bytes, group, groupSeq) =>
      list.push({
        type: 'message',
        direction,
        seq,
        id,
        time,
        peer,
        body: Buffer.from(bytes),
        ...(group === '' ? null : { group, groupSeq }),
      }),
    receipt: (state, peer, upTo) => list.push({ type: 'receipt', state, peer, upTo }),
    error: (code, id, retryAfterMs, message) => list.push({ type: 'error', code, id, retryAfterMs, text: message }),
    redirect: (url) => list.push({ type: 'redirect', url }),
    reset: (at) => list.push({ type: 'reset', position: at }),
    group: (id, group, role, members, head) => list.push({ type: 'group', id, group, role, members, head }),
    presence: (users) => list.push({ type: 'presence', users }),
  };
}

export function collectClient(data: Buffer): ClientMessage[] {
  const list: ClientMessage[] = [];
  decodeClientFrames(data, clientSink(list));
  return list;
}

export function collectServer(data: Buffer): ServerMessage[] {
  const list: ServerMessage[] = [];
  decodeServerFrames(data, serverSink(list));
  return list;
}
