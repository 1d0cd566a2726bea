/** What faults need to be there before the node starts: a network to cut, a disk to fill. Made for the run, gone with it. */
import type { CheckedFault } from './fault.ts';
import { RunNetwork } from './run-network.ts';
import { StoreDisk } from './store-disk.ts';

export class FaultGround {
  network: RunNetwork | null = null;
  disk: StoreDisk | null = null;
  #onExit = (): void => this.remove();

  /** `storeDirectory`: where the node is to keep its messages; null: nowhere. Throws FaultError. */
  static prepare(faults: readonly CheckedFault[], storeDirectory: string | null): FaultGround {
    const ground = new FaultGround();
    const wants = (kind: CheckedFault['kind']): boolean => faults.some((fault) => fault.kind === kind);
    // A run that ends in a hurry leaves nothing behind either.
    process.on('exit', ground.#onExit);
    try {
      if (wants('cut-network') || wants('delay-network'))
        ground.network = RunNetwork.create({ delays: wants('delay-network') });
      if (wants('message-store-outage') && storeDirectory !== null) ground.disk = StoreDisk.mount(storeDirectory);
    } catch (error) {
      ground.remove();
      throw error;
    }
    return ground;
  }

  /** What readers of the results must know of it. */
  get remarks(): string[] {
    return [
      ...(this.disk === null
        ? []
        : ['The message store was on a disk in memory, which faults can fill: fsync costs nothing there.']),
      ...(this.network?.relays
        ? ['This kernel has no netem: delayed packets took a way through a process, which costs CPU time of its own.']
        : []),
    ];
  }

  /** Once the node has ended. Harmless when it is gone. */
  remove(): void {
    process.off('exit', this.#onExit);
    this.network?.remove();
    this.disk?.remove();
    this.network = null;
    this.disk = null;
  }
}
