/** Notifications of one volume. */
import type { UserState } from '../messenger/user-state.ts';
import type { Volume } from '../messenger/volume.ts';

export class Notifier {
  readonly volume: Volume;

  constructor(volume: Volume) {
    this.volume = volume;
  }

  /** An entry was committed for a user without devices, or the last device left with entries unacknowledged. */
  consider(user: UserState): void {
    user.pushDevices = 0;
  }
}
