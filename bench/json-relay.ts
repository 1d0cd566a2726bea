/**
 * The null server's twin in JSON, for load generators that speak no binary: accepts, answers `sent`, pushes `message`, passes on
 * `receipt`, and stores nothing. Bare uWebSockets.js, so that the generator is the bottleneck and not its target.
 *
 * Started by `fork`; says on which port it listens, counts when asked, and ends with its parent.
 */
import uws from 'uWebSockets.js';
import type { NullServerCounts } from '../loadgen/drivers/null-server.ts';

export type FromJsonRelay = { type: 'listening'; port: number } | ({ type: 'counts' } & NullServerCounts);

interface Data {
  name: string;
  user: User | undefined;
}

interface User {
  name: string;
  socket: uws.WebSocket<Data>;
  seq: number;
  /** Received and not acknowledged: own sequence, sender, sender's sequence; oldest first. */
  unacknowledged: Array<{ seq: number; sender: string; senderSeq: number }>;
}

interface ClientFrame {
  type: string;
  id: number;
  to: string;
  body: string;
  seq: number;
}

const users = new Map<string, User>();
const counts: NullServerCounts = { connections: 0, sends: 0, acks: 0 };

uws
  .App()
  .ws<Data>('/v1/connect', {
    compression: uws.DISABLED,
    maxBackpressure: 0,
    idleTimeout: 120,
    upgrade(response, request, context) {
      response.upgrade<Data>(
        { name: request.getQuery('user') ?? '', user: undefined },
        request.getHeader('sec-websocket-key'),
        request.getHeader('sec-websocket-protocol'),
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open(socket) {
      const data = socket.getUserData();
      data.user = { name: data.name, socket, seq: 0, unacknowledged: [] };
      users.set(data.name, data.user);
      counts.connections++;
      const { name: user } = data;
      tellUser(data.user, { type: 'welcome', user, device: 'bench', head: 0, after: 0, time: Date.now() });
    },
    message(socket, message) {
      const frame = JSON.parse(Buffer.from(message).toString('utf8')) as ClientFrame;
      const user = socket.getUserData().user!;
      if (frame.type === 'send') relay(user, frame);
      else if (frame.type === 'ack') acknowledge(user, frame.seq);
    },
    close(socket) {
      const { name, user } = socket.getUserData();
      counts.connections--;
      if (users.get(name) === user) users.delete(name);
    },
  })
  .listen('0.0.0.0', 0, (listening) => {
    if (!listening) throw new Error('the JSON relay found no port to listen on');
    tell({ type: 'listening', port: uws.us_socket_local_port(listening) });
  });
process.on('message', () => tell({ type: 'counts', ...counts }));
process.on('disconnect', () => process.exit());

function relay(author: User, { id, to, body }: ClientFrame): void {
  counts.sends++;
  const time = Date.now();
  const senderSeq = ++author.seq;
  tellUser(author, { type: 'sent', id, seq: senderSeq, time });
  const recipient = users.get(to);
  if (recipient === undefined) return;
  const seq = ++recipient.seq;
  recipient.unacknowledged.push({ seq, sender: author.name, senderSeq });
  tellUser(recipient, { type: 'message', direction: 'in', seq, id, time, peer: author.name, body });
}

function acknowledge({ name, unacknowledged }: User, seq: number): void {
  counts.acks++;
  let covered = 0;
  while (covered < unacknowledged.length && unacknowledged[covered]!.seq <= seq) covered++;
  const upTo = new Map<string, number>();
  for (const { sender, senderSeq } of unacknowledged.splice(0, covered)) upTo.set(sender, senderSeq);
  for (const [sender, senderSeq] of upTo) {
    const user = users.get(sender);
    if (user !== undefined) tellUser(user, { type: 'receipt', state: 'delivered', peer: name, upTo: senderSeq });
  }
}

function tellUser({ socket }: User, frame: object): void {
  socket.send(JSON.stringify(frame));
}

function tell(message: FromJsonRelay): void {
  if (process.connected) process.send!(message, () => {});
}
