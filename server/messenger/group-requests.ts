/**
 * Group requests of devices, from the volume where the device is to the volume of the group, and their answers back. At most
 * once: the actions are idempotent, so a client that hears `no-answer` asks again.
 */
import { BUS } from '../bus/bus.ts';
import { decodeClientFrames, encodeError, encodeGroup, encodeGroupState, FrameWriter } from '../protocol/codec.ts';
import { ERRORS } from '../protocol/errors.ts';
import type { GroupRequest } from '../protocol/messages.ts';
import { logicalShard } from '../shard-map.ts';
import { appendName } from './forward-record.ts';
import type { GroupAnswer } from './group-actions.ts';
import type { Groups } from './groups.ts';
import type { Device } from './user-state.ts';
import type { Volume } from './volume.ts';

const ANSWER_MS = 5_000;
const RETRY_AFTER_MS = 1_000;

interface Asked {
  device: Device;
  id: number;
  deadline: number;
}

export class GroupRequests {
  #volume: Volume;
  #groups: Groups;
  #asked = new Map<number, Asked>();
  #lastNumber = 0;
  #writer = new FrameWriter(1_024);

  constructor(volume: Volume, groups: Groups) {
    this.#volume = volume;
    this.#groups = groups;
  }

  send(device: Device, request: GroupRequest): void {
    const volume = this.#volume;
    const destination = volume.table[logicalShard(request.group)]!;
    if (destination === volume.id) {
      void this.#groups.execute(device.user.name, request).then((answer) => {
        if (!device.closed) device.write(this.#answerFrame(request.id, answer));
      });
      return;
    }
    if (!volume.bus.isUp(destination)) {
      device.write(this.#answerFrame(request.id, { error: ERRORS.tryLater }));
      return;
    }
    this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    this.#asked.set(this.#lastNumber, { device, id: request.id, deadline: volume.options.now() + ANSWER_MS });
    const w = this.#begin(this.#lastNumber);
    appendName(w, device.user.name);
    encodeGroup(w, request.id, request.action, request.group, request.open, request.users);
    volume.bus.send(volume.id, destination, BUS.groupRequest, w.view());
  }

  /** A request of a device of another volume. */
  receive(from: number, payload: Buffer): void {
    const number = payload.readUInt32BE(0);
    const frameAt = 5 + payload[4]!;
    const actor = payload.toString('utf8', 5, frameAt);
    decodeClientFrames(payload.subarray(frameAt), {
      ...IGNORED,
      group: (id, action, group, open, users) => {
        const request = { type: 'group', id, action, group, open, users } as const;
        void this.#groups.execute(actor, request).then((answer) => {
          if (this.#volume.closed) return;
          const frame = this.#answerFrame(id, answer);
          const w = this.#begin(number);
          w.reserve(frame.length);
          frame.copy(w.buffer, w.length);
          w.length += frame.length;
          this.#volume.bus.send(this.#volume.id, from, BUS.groupAnswer, w.view());
        });
      },
    });
  }

  answered(payload: Buffer): void {
    const number = payload.readUInt32BE(0);
    const asked = this.#asked.get(number);
    if (asked === undefined) return;
    this.#asked.delete(number);
    if (!asked.device.closed) asked.device.write(Buffer.from(payload.subarray(4)));
  }

  /** Whoever has waited too long is told so. The oldest stand first. */
  housekeeping(): void {
    const now = this.#volume.options.now();
    for (const [number, { device, id, deadline }] of this.#asked) {
      if (deadline > now) return;
      this.#asked.delete(number);
      if (!device.closed) device.write(this.#answerFrame(id, { error: ERRORS.noAnswer }));
    }
  }

  #begin(number: number): FrameWriter {
    const w = this.#writer;
    w.reset();
    w.reserve(4);
    w.buffer.writeUInt32BE(number, 0);
    w.length = 4;
    return w;
  }

  #answerFrame(id: number, answer: GroupAnswer): Buffer {
    const w = this.#writer;
    w.reset();
    if ('error' in answer) {
      const again = answer.error.code === ERRORS.tryLater.code || answer.error.code === ERRORS.draining.code;
      encodeError(w, answer.error.code, id, again ? RETRY_AFTER_MS : 0, answer.error.text);
    } else {
      encodeGroupState(w, id, answer.group, answer.role, answer.members, answer.head);
    }
    return w.take();
  }
}

const IGNORED = { send() {}, ack() {}, status() {}, sendGroup() {}, presence() {} };
