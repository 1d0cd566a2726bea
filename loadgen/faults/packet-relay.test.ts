import { createSocket, type Socket } from 'node:dgram';
import { afterEach, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { completeChecksum, type PacketDelay, PacketRelay } from './packet-relay.ts';

const sockets: Socket[] = [];
let relay: PacketRelay | undefined;

afterEach(() => {
  relay?.close();
  for (const socket of sockets.splice(0)) socket.close();
});

/** Sends `count` packets through a relay; resolves with when each came, ms after it was sent, by its number. */
async function through(delay: PacketDelay, count: number, waitMs: number): Promise<Map<number, number>> {
  const came = new Map<number, number>();
  const receiver = createSocket('udp4');
  sockets.push(receiver);
  await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve));
  const free = createSocket('udp4');
  await new Promise<void>((resolve) => free.bind(0, '127.0.0.1', resolve));
  const { port } = free.address();
  await new Promise<void>((resolve) => free.close(() => resolve()));
  relay = new PacketRelay(delay, createRandom(4));
  await relay.open([{ address: '127.0.0.1', port, to: { address: '127.0.0.1', port: receiver.address().port } }]);
  const startMs = performance.now();
  receiver.on('message', (packet) => came.set(packet.readUInt16BE(0), performance.now() - startMs));
  const sender = createSocket('udp4');
  sockets.push(sender);
  for (let i = 0; i < count; i++) {
    const packet = Buffer.alloc(64);
    packet.writeUInt16BE(i, 0);
    sender.send(packet, port, '127.0.0.1');
  }
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  return came;
}

it('holds packets up by delay ± jitter', async () => {
  const came = await through({ delayMs: 100, jitterMs: 40, loss: 0 }, 200, 400);
  expect(came.size).toBe(200);
  const times = [...came.values()];
  expect(Math.min(...times)).toBeGreaterThanOrEqual(59);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(50);
});

it('loses its share', async () => {
  const came = await through({ delayMs: 0, jitterMs: 0, loss: 0.25 }, 400, 200);
  expect(came.size).toBeGreaterThan(250);
  expect(came.size).toBeLessThan(350);
});

it('completes the TCP checksum, whatever stood there', () => {
  // IPv4 10.0.0.1 → 10.0.0.2, TCP 1000 → 2000, "abc": checksum by RFC 9293, worked out by hand.
  const ip = '4500002b00004000400626cb 0a000001 0a000002';
  const tcp = '03e807d0 00000001 00000000 50182000 ffff0000 616263';
  const frame = `0800000000004d00 020000000002 020000000001 0800 ${ip} ${tcp}`;
  const packet = Buffer.from(frame.replaceAll(' ', ''), 'hex');
  completeChecksum(packet);
  const sum = packet.readUInt16BE(8 + 14 + 20 + 16);
  expect(onesComplement(packet.subarray(8 + 14 + 20), '0a0000010a00000200060017')).toBe(0xffff);
  expect(sum).not.toBe(0xffff);
});

it('leaves alone what is no TCP over IPv4, or cut short', () => {
  for (const hex of ['00', '0800000000004d00'.padEnd(160, '0'), 'ff'.repeat(90)]) {
    const packet = Buffer.from(hex, 'hex');
    const before = Buffer.from(packet);
    completeChecksum(packet);
    expect(packet).toEqual(before);
  }
});

/** Over segment and pseudo header, both with what is in them: all ones when the checksum is right. */
function onesComplement(segment: Buffer, pseudoHeader: string): number {
  const bytes = Buffer.concat([Buffer.from(pseudoHeader, 'hex'), segment, Buffer.alloc(segment.length % 2)]);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
