import { expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { ControlStream } from './control-stream.ts';

const SILENCE_MS = 15_000;

/** Two ends, and a wire between them that can be cut, and that loses every `lossOf`-th frame. */
function pair(options: { maxFrameBytes?: number; lossOf?: number } = {}) {
  const clock = new VirtualClock();
  const wire = { cut: false, frames: 0 };
  const said: string[] = [];
  const end = (peer: () => ControlStream<unknown, unknown>) =>
    new ControlStream<unknown, unknown>(
      {
        maxFrameBytes: options.maxFrameBytes ?? 1_000,
        transmit: (frame) => {
          if (wire.cut || ++wire.frames % (options.lossOf ?? Number.POSITIVE_INFINITY) === 0) return;
          clock.after(1, () => peer().receive(frame));
        },
      },
      clock,
      SILENCE_MS,
    );
  const a: ControlStream<unknown, unknown> = end(() => b);
  const b: ControlStream<unknown, unknown> = end(() => a);
  a.onGone((how) => said.push(`a: other side ${how}`));
  b.onGone((how) => said.push(`b: other side ${how}`));
  const received: unknown[] = [];
  b.onMessage((message) => received.push(message));
  return { clock, wire, a, b, said, received };
}

it('carries typed arrays, large and small, over a wire that loses frames', () => {
  const { clock, a, received } = pair({ lossOf: 7 });
  const messages = [{ n: 1, counts: new Float64Array(5_000).fill(3) }, { n: 2 }, { n: 3, map: new Map([[1, 2n]]) }];
  for (const message of messages) a.send(message);
  clock.advance(120_000);
  expect(received).toEqual(messages);
});

it('what came before anybody listened is kept', () => {
  const { clock, a, b } = pair();
  b.send('early');
  clock.advance(10);
  const heard: unknown[] = [];
  a.onMessage((message) => heard.push(message));
  expect(heard).toEqual(['early']);
});

it('a goodbye is told once, and only to the other side', () => {
  const { clock, a, said } = pair();
  a.leave('ended by SIGKILL');
  a.leave('ended again');
  clock.advance(60_000);
  expect(said).toEqual(['b: other side ended by SIGKILL']);
});

it('silence beyond the limit is told once on both sides; less is not', () => {
  const { clock, wire, said } = pair();
  wire.cut = true;
  clock.advance(SILENCE_MS - 2_000);
  wire.cut = false;
  clock.advance(60_000);
  expect(said).toEqual([]);
  wire.cut = true;
  clock.advance(60_000);
  expect(said.sort()).toEqual(['a: other side was not heard of for 15s', 'b: other side was not heard of for 15s']);
});

it('the first word of a side that has to start may take longer', () => {
  const clock = new VirtualClock();
  const gone: string[] = [];
  const stream = new ControlStream({ maxFrameBytes: 100, transmit: () => {} }, clock, 3_000, 30_000);
  stream.onGone((how) => gone.push(how));
  clock.advance(29_000);
  expect(gone).toEqual([]);
  stream.receive(Uint8Array.of(2, 0, 0, 0, 0));
  clock.advance(4_000);
  expect(gone).toEqual(['was not heard of for 3s']);
});

it('a wire that is down for less than the limit loses nothing and is nobody’s silence', () => {
  const { clock, a, b, said, received } = pair();
  a.send('one');
  clock.advance(500);
  a.wireIs(false);
  b.wireIs(false);
  a.send('two');
  clock.advance(SILENCE_MS - 1_000);
  a.wireIs(true);
  b.wireIs(true);
  clock.advance(SILENCE_MS);
  expect(received).toEqual(['one', 'two']);
  expect(said).toEqual([]);
});

it('a wire that stays down ends it, in words that name the wire', () => {
  const { clock, a, said } = pair();
  a.wireIs(false);
  clock.advance(SILENCE_MS + 1_000);
  expect(said[0]).toBe('a: other side could not be reached for 15s: the control server was away');
});

it('noise on the wire is left aside', () => {
  const { clock, a, b, said, received } = pair();
  for (const noise of [[], [1], [1, 1, 0], [2, 9], [77, 1, 2, 3, 4, 5, 6, 7]]) b.receive(new Uint8Array(noise));
  a.send('still there');
  clock.advance(10_000);
  expect(received).toEqual(['still there']);
  expect(said).toEqual([]);
});

it('flush resolves when all has arrived, and also when the other side is gone', async () => {
  const { clock, wire, a, received } = pair();
  a.send(new Uint8Array(20_000));
  let flushed = false;
  void a.flush().then(() => {
    flushed = true;
  });
  await Promise.resolve();
  expect(flushed).toBe(false);
  clock.advance(5_000);
  await new Promise(setImmediate);
  expect(flushed).toBe(true);
  expect(received).toHaveLength(1);
  wire.cut = true;
  a.send('never');
  const left = a.flush();
  clock.advance(SILENCE_MS + 2_000);
  await left;
});
