/** The second half of the send path: a committed entry reaches the recipient's devices, or waits for them. */
import { frameOf } from './entry.ts';
import type { Device, UserState } from './user-state.ts';
import type { Batch, Effect, Volume } from './volume.ts';

export class Delivery {
  #volume: Volume;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Once `batch` is committed, show the received entry `value` to the recipient's devices. */
  gather(batch: Batch, recipient: UserState, seq: number, value: Buffer, sender: string, senderSeq: number): void {
    batch.effects.push(new DeliveryEffect(this.#volume, recipient, seq, value, sender, senderSeq));
  }

  /** Write the entry to a device, in order; a device that is still catching up will read it from the store. */
  push(device: Device, seq: number, frame: Buffer): void {
    if (!device.live || device.closed) return;
    if (seq !== device.pushed + 1) {
      // An entry that became visible while this device was connecting: fetch what lies between.
      if (seq > device.pushed) {
        device.live = false;
        this.#volume.resume.feed(device);
      }
      return;
    }
    device.pushed = seq;
    device.write(frame);
  }
}

class DeliveryEffect implements Effect {
  #volume: Volume;
  #recipient: UserState;
  #seq: number;
  #value: Buffer;
  #sender: string;
  #senderSeq: number;

  constructor(volume: Volume, recipient: UserState, seq: number, value: Buffer, sender: string, senderSeq: number) {
    this.#volume = volume;
    this.#recipient = recipient;
    this.#seq = seq;
    this.#value = value;
    this.#sender = sender;
    this.#senderSeq = senderSeq;
  }

  apply(): void {
    const volume = this.#volume;
    const recipient = this.#recipient;
    recipient.committed = this.#seq;
    volume.counters.received++;
    if (recipient.devices.length === 0) {
      recipient.coveredFrom = this.#seq;
      volume.counters.storedOffline++;
      if (recipient.pushDevices !== 0) volume.notifier.consider(recipient);
      volume.receipts.emit('stored', this.#sender, recipient.name, this.#senderSeq);
      return;
    }
    volume.receipts.expect(recipient, this.#seq, this.#sender, this.#senderSeq);
    const frame = frameOf(this.#value);
    for (const device of recipient.devices) volume.delivery.push(device, this.#seq, frame);
  }
}
