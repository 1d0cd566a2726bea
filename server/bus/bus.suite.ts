import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus } from './bus.ts';

/** Some processes that a bus joins. A process that is closed can be opened again: its next life. */
export interface BusNetwork {
  /** `volumes[p]` are the volumes of process p; every process is told of all of them. */
  open(process: number, volumes: number[][]): Promise<Bus>;
  remove(): Promise<void>;
}

interface Received {
  from: number;
  to: number;
  kind: number;
  payload: string;
}

/** The contract of bus.ts, for any implementation. */
export function describeBus(name: string, createNetwork: () => Promise<BusNetwork>): void {
  describe(name, () => {
    let network: BusNetwork;
    let open: Set<Bus>;
    beforeEach(async () => {
      network = await createNetwork();
      open = new Set();
    });
    afterEach(async () => {
      for (const bus of open) await bus.close();
      await network.remove();
    });

    async function join(process: number, volumes: number[][]): Promise<{ bus: Bus; got: Received[]; ups: number[] }> {
      const bus = await network.open(process, volumes);
      open.add(bus);
      const got: Received[] = [];
      const ups: number[] = [];
      bus.onMessage((from, to, kind, payload) => got.push({ from, to, kind, payload: payload.toString() }));
      bus.onUp((to) => ups.push(to));
      return { bus, got, ups };
    }

    async function leave(bus: Bus): Promise<void> {
      open.delete(bus);
      await bus.close();
    }

    const pair = [[0], [1]];

    it('carries a message with all its parts', async () => {
      const a = await join(0, pair);
      const b = await join(1, pair);
      await until(() => a.bus.isUp(1));
      a.bus.send(0, 1, 3, Buffer.from('hello'));
      await until(() => b.got.length === 1);
      expect(b.got).toEqual([{ from: 0, to: 1, kind: 3, payload: 'hello' }]);
      expect(a.got).toEqual([]);
    });

    it('keeps the order of many messages, sent in one turn and over many, both ways at once', async () => {
      const a = await join(0, pair);
      const b = await join(1, pair);
      await until(() => a.bus.isUp(1) && b.bus.isUp(0));
      for (let i = 0; i < 2_000; i++) {
        a.bus.send(0, 1, 1, Buffer.from(`${i}`));
        b.bus.send(1, 0, 1, Buffer.from(`${i}`));
        if (i % 97 === 0) await turn();
      }
      await until(() => a.got.length === 2_000 && b.got.length === 2_000);
      const inOrder = Array.from({ length: 2_000 }, (_, i) => `${i}`);
      expect(a.got.map(({ payload }) => payload)).toEqual(inOrder);
      expect(b.got.map(({ payload }) => payload)).toEqual(inOrder);
    });

    it('copies the payload: the sender may use its buffer again at once', async () => {
      const a = await join(0, pair);
      const b = await join(1, pair);
      await until(() => a.bus.isUp(1));
      const buffer = Buffer.from('first');
      a.bus.send(0, 1, 1, buffer);
      a.bus.send(0, 0, 1, buffer);
      buffer.write('other');
      await until(() => b.got.length === 1 && a.got.length === 1);
      expect([b.got[0]!.payload, a.got[0]!.payload]).toEqual(['first', 'first']);
    });

    it('reaches volumes of its own process, later and in order, never inside `send`', async () => {
      const a = await join(0, [[0, 2], [1]]);
      expect(a.bus.isUp(0) && a.bus.isUp(2)).toBe(true);
      expect([...a.ups].sort()).toEqual([0, 2]);
      for (const text of ['x', 'y', 'z']) a.bus.send(0, 2, 1, Buffer.from(text));
      expect(a.got).toEqual([]);
      await until(() => a.got.length === 3);
      expect(a.got.map(({ from, to, payload }) => [from, to, payload])).toEqual([
        [0, 2, 'x'],
        [0, 2, 'y'],
        [0, 2, 'z'],
      ]);
    });

    it('finds each of many volumes at the process that has it', async () => {
      const volumes = [
        [0, 3, 6],
        [1, 4, 7],
        [2, 5, 8],
      ];
      const all = [await join(0, volumes), await join(1, volumes), await join(2, volumes)];
      const numbers = volumes.flat();
      await until(() => all.every(({ bus }) => numbers.every((to) => bus.isUp(to))));
      for (const { ups } of all) expect([...new Set(ups)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      for (const from of numbers)
        for (const to of numbers) all[from % 3]!.bus.send(from, to, 1, Buffer.from(`${from}>${to}`));
      await until(() => all.every(({ got }) => got.length === 27));
      for (const [process, { got }] of all.entries()) {
        for (const { from, to, payload } of got) expect([to % 3, payload]).toEqual([process, `${from}>${to}`]);
      }
    });

    it('carries big messages and empty ones whole, among small ones', async () => {
      const a = await join(0, pair);
      const b = await join(1, pair);
      await until(() => a.bus.isUp(1));
      const sizes = [0, 1, 65_535, 65_536, 3, 5_000_000, 0, 200_000, 7];
      for (const [i, size] of sizes.entries()) a.bus.send(0, 1, i, Buffer.alloc(size, 97 + i));
      await until(() => b.got.length === sizes.length);
      for (const [i, size] of sizes.entries()) {
        expect(b.got[i]!.kind).toBe(i);
        expect(b.got[i]!.payload.length).toBe(size);
        expect(b.got[i]!.payload === String.fromCharCode(97 + i).repeat(size)).toBe(true);
      }
    });

    it('drops what is sent while there is no link, and says when there is one', async () => {
      const a = await join(0, pair);
      expect(a.bus.isUp(1)).toBe(false);
      a.bus.send(0, 1, 1, Buffer.from('too early'));
      const b = await join(1, pair);
      await until(() => a.ups.includes(1));
      expect(a.bus.isUp(1)).toBe(true);
      a.bus.send(0, 1, 1, Buffer.from('now'));
      await until(() => b.got.length > 0);
      expect(b.got.map(({ payload }) => payload)).toEqual(['now']);
    });

    it('says so again when the other side has a new life, before anything sent after that arrives', async () => {
      const a = await join(0, pair);
      let b = await join(1, pair);
      await until(() => a.ups.includes(1));
      for (let life = 2; life <= 4; life++) {
        await leave(b.bus);
        await until(() => !a.bus.isUp(1));
        const ups = a.ups.filter((to) => to === 1).length;
        b = await join(1, pair);
        // What every caller does: repeat from onUp. It must be the first thing that arrives.
        a.bus.onUp((to) => {
          a.ups.push(to);
          if (to === 1) a.bus.send(0, 1, 1, Buffer.from(`repeated ${life}`));
        });
        await until(() => b.got.length > 0);
        expect(a.ups.filter((to) => to === 1).length).toBeGreaterThan(ups);
        expect(b.got[0]!.payload).toBe(`repeated ${life}`);
      }
    });

    it('loses only the end of what was under way when a link breaks: no hole, no half, nothing twice', async () => {
      const a = await join(0, pair);
      const b = await join(1, pair);
      await until(() => a.bus.isUp(1));
      const size = 100_000;
      for (let i = 0; i < 200; i++) a.bus.send(0, 1, 1, Buffer.alloc(size, i));
      await until(() => b.got.length > 0);
      await leave(b.bus);
      const bodies = b.got.map(({ payload }) => payload);
      bodies.forEach((payload, i) => {
        expect(payload === Buffer.alloc(size, i).toString()).toBe(true);
      });
    });

    it('keeps what arrives before there is a handler', async () => {
      const a = await join(0, pair);
      const late = await network.open(1, pair);
      open.add(late);
      await until(() => a.bus.isUp(1));
      a.bus.send(0, 1, 1, Buffer.from('patience'));
      for (let i = 0; i < 20; i++) await turn();
      const got: string[] = [];
      late.onMessage((_from, _to, _kind, payload) => got.push(payload.toString()));
      await until(() => got.length > 0);
      expect(got).toEqual(['patience']);
    });

    it('tells a handler that comes late of the links that are up', async () => {
      const a = await network.open(0, pair);
      open.add(a);
      await join(1, pair);
      await until(() => a.isUp(1));
      const ups: number[] = [];
      a.onUp((to) => ups.push(to));
      expect(ups.sort()).toEqual([0, 1]);
    });

    describe('when a volume gets another process', () => {
      const three = [[0], [1], [2]];

      it('drops what is sent while it has none, says when it has, and brings what is sent then to the new place', async () => {
        const a = await join(0, three);
        const b = await join(1, three);
        const c = await join(2, three);
        await until(() => a.bus.isUp(1) && a.bus.isUp(2));
        await leave(b.bus);
        a.bus.assign(1, null);
        expect(a.bus.isUp(1)).toBe(false);
        a.bus.send(0, 1, 1, Buffer.from('nobody there'));
        c.bus.assign(1, 2);
        expect(c.bus.isUp(1)).toBe(true);
        expect(c.ups.at(-1)).toBe(1);
        // What every caller does: repeat from onUp. It must be the first thing that arrives.
        a.bus.onUp((to) => {
          a.ups.push(to);
          if (to === 1) a.bus.send(0, 1, 1, Buffer.from('repeated'));
        });
        const before = a.ups.length;
        a.bus.assign(1, 2);
        expect(a.ups.slice(before)).toEqual([1]);
        expect(a.bus.isUp(1)).toBe(true);
        a.bus.send(0, 1, 1, Buffer.from('after'));
        await until(() => c.got.length >= 2);
        expect(c.got.map(({ to, payload }) => [to, payload])).toEqual([
          [1, 'repeated'],
          [1, 'after'],
        ]);
        expect(b.got).toEqual([]);
      });

      it('brings nothing that was sent to the old place to the new one', async () => {
        const a = await join(0, three);
        const b = await join(1, three);
        const c = await join(2, three);
        await until(() => a.bus.isUp(1) && a.bus.isUp(2));
        for (let i = 0; i < 100; i++) a.bus.send(0, 1, 1, Buffer.from(`old ${i}`));
        c.bus.assign(1, 2);
        b.bus.assign(1, 2);
        a.bus.assign(1, 2);
        for (let i = 0; i < 100; i++) a.bus.send(0, 1, 1, Buffer.from(`new ${i}`));
        b.bus.send(1, 1, 1, Buffer.from('from the old place'));
        await until(() => c.got.length >= 101);
        expect(c.got.filter(({ from }) => from === 0).map(({ payload }) => payload)).toEqual(
          Array.from({ length: 100 }, (_, i) => `new ${i}`),
        );
        // In order and from the first on, as far as it came.
        expect(b.got.map(({ payload }) => payload)).toEqual(b.got.map((_, i) => `old ${i}`));
      });

      it('reaches it without a link once it is its own, and over one when it is no more', async () => {
        const a = await join(0, pair);
        const b = await join(1, pair);
        await until(() => a.bus.isUp(1) && b.bus.isUp(0));
        a.bus.assign(1, 0);
        b.bus.assign(1, 0);
        a.bus.send(0, 1, 1, Buffer.from('inside'));
        b.bus.send(1, 1, 1, Buffer.from('from outside'));
        await until(() => a.got.length === 2);
        expect(a.got.map(({ from, to }) => [from, to]).sort()).toEqual([
          [0, 1],
          [1, 1],
        ]);
        expect(b.got).toEqual([]);
        b.bus.assign(1, 1);
        a.bus.assign(1, 1);
        a.bus.send(0, 1, 1, Buffer.from('back'));
        await until(() => b.got.length === 1);
        expect(b.got[0]!.payload).toBe('back');
      });

      it('says that it is up once the process it was given to is there', async () => {
        const a = await join(0, three);
        a.bus.assign(1, 2);
        expect(a.bus.isUp(1)).toBe(false);
        const c = await join(2, three);
        c.bus.assign(1, 2);
        await until(() => a.ups.includes(1));
        expect(a.bus.isUp(1)).toBe(true);
        a.bus.send(0, 1, 1, Buffer.from('there'));
        await until(() => c.got.length === 1);
      });

      it('changes nothing when it is told what it knows', async () => {
        const a = await join(0, pair);
        await join(1, pair);
        await until(() => a.bus.isUp(1));
        const ups = [...a.ups];
        a.bus.assign(1, 1);
        a.bus.assign(0, 0);
        expect(a.ups).toEqual(ups);
        expect(a.bus.isUp(0) && a.bus.isUp(1)).toBe(true);
      });
    });

    it('is silent once closed', async () => {
      const a = await join(0, pair);
      const b = await join(1, pair);
      await until(() => a.bus.isUp(1) && b.bus.isUp(0));
      a.bus.send(0, 0, 1, Buffer.from('to myself'));
      await leave(a.bus);
      b.bus.send(1, 0, 1, Buffer.from('anybody there?'));
      a.bus.send(0, 1, 1, Buffer.from('from beyond'));
      a.bus.send(0, 0, 1, Buffer.from('to myself'));
      await until(() => !b.bus.isUp(0));
      expect([a.got, b.got]).toEqual([[], []]);
      expect(a.bus.isUp(1)).toBe(false);
    });
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function until(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${condition}`);
    await turn();
  }
}
