/** The contract of control-channel.ts, for any implementation, between two real processes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../testing/command-line.ts';
import type { AgentLink, FromAgent, ToAgent } from './control-channel.ts';

/** A channel to a process that runs control-channel.fixture.ts. */
export interface ChannelUnderTest {
  link: AgentLink;
  pid: number;
  /** What the agent's process has printed. */
  printed(): string;
  /** The coordinator goes away. */
  leave(): void;
  remove(): Promise<void>;
}

/** Any content travels alike; the fixture does not look into it. */
interface Parcel {
  type: 'parcel';
  number: number;
  load: unknown;
}

const parcel = (number: number, load: unknown = null): ToAgent =>
  ({ type: 'parcel', number, load }) as unknown as ToAgent;

export function describeControlChannel(name: string, open: () => Promise<ChannelUnderTest>): void {
  describe(name, () => {
    let channel: ChannelUnderTest;
    let messages: FromAgent[];
    let ends: string[];

    beforeEach(async () => {
      channel = await open();
      messages = [];
      ends = [];
      channel.link.onMessage((message) => messages.push(message));
      channel.link.onGone((how) => ends.push(how));
      await eventually(() => messages.some(({ type }) => type === 'ready'), 'the agent');
      messages = [];
    });
    afterEach(() => channel.remove());

    const parcels = (): Parcel[] => messages as unknown as Parcel[];

    it('carries messages of both directions in order, each once', async () => {
      for (let i = 0; i < 1_000; i++) channel.link.send(parcel(i));
      await eventually(() => messages.length >= 1_000, 'all messages');
      expect(parcels().map(({ number }) => number)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    });

    it('carries typed arrays, maps and whole numbers beyond 2^53, whole and in order, however large', async () => {
      const load = {
        large: Float64Array.from({ length: 700_000 }, (_, i) => i / 3),
        small: Uint8Array.of(1, 2, 3),
        map: new Map([[7, { big: 2n ** 64n, nothing: null }]]),
        text: 'ö – 😀',
      };
      channel.link.send(parcel(1));
      channel.link.send(parcel(2, load));
      channel.link.send(parcel(3));
      await eventually(() => messages.length >= 3, 'three messages');
      expect(parcels().map(({ number }) => number)).toEqual([1, 2, 3]);
      const back = parcels()[1]!.load as typeof load;
      expect(
        Buffer.compare(
          Buffer.from(back.large.buffer, back.large.byteOffset, back.large.byteLength),
          Buffer.from(load.large.buffer),
        ),
      ).toBe(0);
      expect({ ...back, large: null }).toEqual({ ...load, large: null });
    });

    it('an agent that ends in order has handed over all it said; its end is told once', async () => {
      channel.link.send({ type: 'finish' });
      await eventually(() => ends.length > 0, 'the end');
      expect(messages).toEqual(Array.from({ length: 200 }, (_, i) => ({ type: 'notice', text: `${i}` })));
      await settle();
      expect(ends).toEqual(['ended with code 0']);
    });

    it('an agent that is killed from outside is told once, and kill ends one', async () => {
      process.kill(channel.pid, 'SIGKILL');
      await eventually(() => ends.length > 0, 'the end');
      channel.link.kill();
      channel.link.send(parcel(1));
      await settle();
      expect(ends).toEqual(['ended by SIGKILL']);
    });

    it('kill ends the agent by force', async () => {
      channel.link.kill();
      await eventually(() => ends.length > 0, 'the end');
      expect(ends).toEqual(['ended by SIGKILL']);
      expect(() => process.kill(channel.pid, 0)).toThrow();
    });

    it('an agent whose coordinator is gone is told so, once', async () => {
      channel.leave();
      await eventually(() => channel.printed().includes('gone'), 'the agent to be told');
      await settle();
      expect(channel.printed()).toBe('gone\n');
    });
  });
}

/** Time for what must not come. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
