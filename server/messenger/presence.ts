/** Presence: see the head of this file once it is written. */
import type { PresenceAction } from '../protocol/messages.ts';
import type { Device, UserState } from './user-state.ts';
import type { Volume } from './volume.ts';

export class Presence {
  readonly volume: Volume;

  constructor(volume: Volume) {
    this.volume = volume;
  }

  /** A device asks who is online, or begins or ends to watch. */
  request(_device: Device, _action: PresenceAction, _users: string[]): void {}

  /** The user's first device has come. */
  cameOnline(_user: UserState): void {}

  /** The user's last device has gone. */
  wentOffline(_user: UserState): void {}

  /** A device is gone: what it watched is forgotten. */
  deviceLeft(_device: Device): void {}

  /** A message to `recipient` found no device of his: whoever of `sender`'s devices watches him learns it at once. */
  foundOffline(_sender: UserState, _recipient: string): void {}

  /** A bus message of one of the presence kinds. */
  onBusMessage(_from: number, _kind: number, _payload: Buffer): void {}

  /** The link to a volume is up (again). */
  onBusUp(_to: number): void {}

  /** Once a second. */
  housekeeping(): void {}
}
