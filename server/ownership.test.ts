import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ownership } from './ownership.ts';

/** Processes and their volumes as they really are; does what it is told, when the test lets it. */
class World {
  readonly ownership: Ownership;
  readonly up: boolean[];
  readonly givenUp: boolean[];
  /** Volumes that a process has open, or is about to. */
  readonly open: Array<Set<number>>;
  readonly busy: Array<{ process: number; volume: number; kind: 'adopt' | 'release' }> = [];
  readonly volumes: number;

  constructor(volumes: number, processes: number) {
    this.volumes = volumes;
    this.ownership = new Ownership(volumes, processes);
    this.up = new Array<boolean>(processes).fill(false);
    this.givenUp = new Array<boolean>(processes).fill(false);
    this.open = this.up.map(() => new Set());
    for (const process of this.up.keys()) this.start(process);
  }

  start(process: number): void {
    if (this.up[process] || this.givenUp[process]) return;
    for (const volume of this.ownership.starting(process)) {
      this.#opens(process, volume);
      this.ownership.opened(process, volume);
    }
    this.up[process] = true;
    this.settle();
  }

  kill(process: number): void {
    this.up[process] = false;
    this.open[process]!.clear();
    for (let i = this.busy.length - 1; i >= 0; i--) if (this.busy[i]!.process === process) this.busy.splice(i, 1);
    this.ownership.ended(process);
    this.settle();
  }

  giveUp(process: number): void {
    if (this.up[process] || this.givenUp[process] || this.living().length === 1) return;
    this.givenUp[process] = true;
    this.ownership.share(this.living());
    this.settle();
  }

  revive(process: number): void {
    if (!this.givenUp[process]) return;
    this.givenUp[process] = false;
    this.start(process);
    this.ownership.share(this.living());
    this.settle();
  }

  /** One of the orders under way is done, or fails. */
  work(which: number, fails: boolean): void {
    if (this.busy.length === 0) return;
    const [{ process, volume, kind }] = this.busy.splice(which % this.busy.length, 1) as [(typeof this.busy)[0]];
    if (kind === 'release' || fails) this.open[process]!.delete(volume);
    if (kind === 'release') this.ownership.released(process, volume);
    else if (fails) this.ownership.notOpened(process, volume, 'locked');
    else this.ownership.opened(process, volume);
    this.settle();
  }

  settle(): void {
    const { adopt, release } = this.ownership.orders((process) => this.up[process]!);
    for (const order of adopt) {
      this.#opens(order.process, order.volume);
      this.busy.push({ ...order, kind: 'adopt' });
    }
    for (const order of release) this.busy.push({ ...order, kind: 'release' });
  }

  living(): number[] {
    return [...this.up.keys()].filter((process) => !this.givenUp[process]);
  }

  #opens(process: number, volume: number): void {
    for (const [other, volumes] of this.open.entries()) {
      if (volumes.has(volume)) throw new Error(`volume ${volume} is opened by ${process} while ${other} has it`);
    }
    this.open[process]!.add(volume);
  }
}

test('whatever dies, fails, is given up or comes back: never two owners, and all have one in the end', () => {
  const steps = fc.array(
    fc.record({
      what: fc.constantFrom('start', 'kill', 'giveUp', 'revive', 'work', 'work', 'work', 'fail', 'retry'),
      which: fc.nat({ max: 40 }),
    }),
    { maxLength: 120 },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 5 }),
      steps,
      (volumes, processes, history) => {
        const world = new World(volumes, processes);
        for (const { what, which } of history) {
          const process = which % processes;
          if (what === 'work' || what === 'fail') world.work(which, what === 'fail');
          else if (what === 'retry') {
            world.ownership.retry(which % volumes);
            world.settle();
          } else world[what as 'start' | 'kill' | 'giveUp' | 'revive'](process);
          // Who is said to serve a volume has it open.
          for (const [volume, owner] of world.ownership.serving().entries()) {
            if (owner >= 0) expect(world.open[owner]!.has(volume)).toBe(true);
          }
        }
        for (let process = 0; process < processes; process++) {
          world.revive(process);
          world.start(process);
        }
        for (let volume = 0; volume < volumes; volume++) world.ownership.retry(volume);
        world.settle();
        while (world.busy.length > 0) world.work(0, false);
        expect(world.ownership.withoutOwner()).toEqual([]);
        expect(world.ownership.isSettled()).toBe(true);
        expect(world.ownership.serving()).toEqual(world.ownership.table);
        const shares = world.open.map(({ size }) => size);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 300 },
  );
});

test('a volume that can not be opened is tried again only when it is time, and is news once', () => {
  const ownership = new Ownership(2, 2);
  ownership.starting(0);
  ownership.starting(1);
  ownership.opened(0, 0);
  expect(ownership.notOpened(1, 1, 'locked')).toEqual({ news: true, failures: 1 });
  const all = () => true;
  expect(ownership.orders(all)).toEqual({ adopt: [], release: [] });
  expect([ownership.withoutOwner(), ownership.serving()]).toEqual([[1], [0, -1]]);
  ownership.retry(1);
  expect(ownership.orders(all).adopt).toEqual([{ process: 1, volume: 1 }]);
  expect(ownership.orders(all).adopt).toEqual([]);
  expect(ownership.notOpened(1, 1, 'locked')).toEqual({ news: false, failures: 2 });
  expect(ownership.notOpened(1, 1, 'damaged')).toEqual({ news: true, failures: 3 });
});

test('a share is handed over only to a process that is up: until then the old one serves it', () => {
  const ownership = new Ownership(2, 2);
  for (const process of [0, 1]) for (const volume of ownership.starting(process)) ownership.opened(process, volume);
  ownership.ended(1);
  expect(ownership.share([0])).toEqual([1]);
  expect(ownership.orders(() => true).adopt).toEqual([{ process: 0, volume: 1 }]);
  ownership.opened(0, 1);
  expect(ownership.share([0, 1])).toHaveLength(1);
  expect(ownership.orders((process) => process === 0)).toEqual({ adopt: [], release: [] });
  expect(ownership.serving()).toEqual([0, 0]);
  const { release } = ownership.orders(() => true);
  expect(release).toHaveLength(1);
  expect(ownership.orders(() => true).adopt).toEqual([]);
  ownership.released(0, release[0]!.volume);
  expect(ownership.orders(() => true).adopt).toEqual([{ process: 1, volume: release[0]!.volume }]);
});
