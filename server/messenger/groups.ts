/** Groups: see the head of this file once it is written. */
import type { GroupRequest } from '../protocol/messages.ts';
import type { Device } from './user-state.ts';
import type { Volume } from './volume.ts';

export class Groups {
  readonly volume: Volume;

  constructor(volume: Volume) {
    this.volume = volume;
  }

  request(_device: Device, _request: GroupRequest): void {}
}
