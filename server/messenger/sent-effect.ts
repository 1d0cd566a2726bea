/** After the commit of a send: tell the sending device, and show the entry to the sender's other devices. */
import { encodeSent, FrameWriter } from '../protocol/codec.ts';
import type { WaitingSend } from './given-up.ts';
import type { Device, UserState } from './user-state.ts';
import type { Effect, Volume } from './volume.ts';

export class SentEffect implements Effect {
  #volume: Volume;
  #device: Device;
  #id: number;
  #seq: number;
  #time: number;
  #out: Buffer;

  constructor(volume: Volume, device: Device, id: number, seq: number, time: number, out: Buffer) {
    this.#volume = volume;
    this.#device = device;
    this.#id = id;
    this.#seq = seq;
    this.#time = time;
    this.#out = out;
  }

  waitingSend(): WaitingSend {
    return { device: this.#device, entry: this.#out };
  }

  apply(): void {
    const device = this.#device;
    const user = device.user;
    const seq = this.#seq;
    this.#volume.counters.sent++;
    user.committed = seq;
    forgetId(user, this.#id);
    for (const other of user.devices) if (other !== device) this.#volume.delivery.push(other, seq, this.#out);
    if (device.closed) return;
    const frame = sentFrame(this.#id, seq, this.#time);
    if (device.live && device.pushed === seq - 1) {
      device.pushed = seq;
    } else if (seq > device.pushed) {
      device.sentAhead ??= new Set();
      device.sentAhead.add(seq);
    }
    device.write(frame);
  }
}

/** The client id is no longer under way. */
export function forgetId(user: UserState, id: number): void {
  user.uncommittedIds?.delete(id);
  if (user.uncommittedIds?.size === 0) user.uncommittedIds = null;
}

const writer = new FrameWriter(65_536);

/** A small frame that stays intact until the end of the turn: cut from a chunk that is replaced, never reused, when full. */
function sentFrame(id: number, seq: number, time: number): Buffer {
  if (writer.length + 64 > writer.buffer.length) {
    writer.buffer = Buffer.allocUnsafeSlow(65_536);
    writer.length = 0;
  }
  const start = writer.length;
  encodeSent(writer, id, seq, time);
  return writer.buffer.subarray(start, writer.length);
}
