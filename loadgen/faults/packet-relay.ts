/**
 * Delays packets in user space, where the kernel has no netem: what comes in on one port goes out to another after a while, or
 * never. The packets are Ethernet frames in VXLAN (RFC 7348), as `relayed-path.ts` sets them up.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { Random } from '../random.ts';

/** Of every packet, each way: delay ± jitter (uniform), and the share that is lost. */
export interface PacketDelay {
  delayMs: number;
  jitterMs: number;
  loss: number;
}

export interface RelayRoute {
  address: string;
  port: number;
  to: { address: string; port: number };
}

export class PacketRelay {
  #sockets: Socket[] = [];
  #delay: PacketDelay;
  #random: Random;

  constructor(delay: PacketDelay, random: Random) {
    this.#delay = delay;
    this.#random = random;
  }

  /** Resolves when all routes are open. */
  async open(routes: readonly RelayRoute[]): Promise<void> {
    await Promise.all(routes.map((route) => this.#open(route)));
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.#sockets = [];
  }

  #open({ address, port, to }: RelayRoute): Promise<void> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: SOCKET_BYTES, sendBufferSize: SOCKET_BYTES });
    this.#sockets.push(socket);
    socket.on('message', (packet) => {
      if (this.#random.uniform() < this.#delay.loss) return;
      completeChecksum(packet);
      const { delayMs, jitterMs } = this.#delay;
      const holdMs = Math.max(delayMs + (2 * this.#random.uniform() - 1) * jitterMs, 0);
      setTimeout(() => {
        if (this.#sockets.includes(socket)) socket.send(packet, to.port, to.address);
      }, holdMs);
    });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, address, () => {
        socket.off('error', reject);
        // A datagram that can't be sent is one that was lost.
        socket.on('error', () => {});
        resolve();
      });
    });
  }
}

const SOCKET_BYTES = 8 * 1024 * 1024;
const VXLAN_HEADER = 8;
const ETHERNET_HEADER = 14;
const IPV4 = 0x0800;
const TCP = 6;

/**
 * Virtual devices leave the TCP checksum to hardware that is not there: whoever takes a packet out of the kernel has to compute it
 * (RFC 9293, section 3.1: one's complement sum over the pseudo header, header and data). Other packets stay as they are.
 */
export function completeChecksum(packet: Buffer): void {
  const ip = VXLAN_HEADER + ETHERNET_HEADER;
  if (packet.length < ip + 40 || packet.readUInt16BE(ip - 2) !== IPV4 || packet[ip + 9] !== TCP) return;
  const tcp = ip + (packet[ip]! & 15) * 4;
  const end = ip + packet.readUInt16BE(ip + 2);
  if (end > packet.length || end < tcp + 20) return;
  packet.writeUInt16BE(0, tcp + 16);
  let sum = TCP + (end - tcp);
  for (let at = ip + 12; at < ip + 20; at += 2) sum += packet.readUInt16BE(at);
  for (let at = tcp; at + 1 < end; at += 2) sum += packet.readUInt16BE(at);
  if ((end - tcp) % 2 === 1) sum += packet[end - 1]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~sum & 0xffff, tcp + 16);
}
