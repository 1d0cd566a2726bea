import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BUS } from '../bus/bus.ts';
import { ERRORS } from '../protocol/errors.ts';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import type { SimulatedConnection } from '../testing/simulated-connection.ts';

const DEBOUNCE_MS = 3_000;

let chat: ChatSimulation;
let alice: string;
let a: SimulatedConnection;

async function start(settings = {}): Promise<void> {
  chat = await ChatSimulation.start({ volumes: 2, advanceTimers: (ms) => vi.advanceTimersByTime(ms), settings });
  alice = chat.userOn(0, 'alice');
  a = chat.connect(alice, 0);
  await chat.settle();
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  await start();
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

/** What a device was told, in order: `name state`. */
function told(device: SimulatedConnection): string[] {
  return device.of('presence').flatMap(({ users }) => users.map(({ user, state }) => `${user} ${state}`));
}

async function connect(user: string): Promise<SimulatedConnection> {
  const connection = chat.connect(user, 0);
  await chat.settle();
  return connection;
}

async function subscribe(device: SimulatedConnection, ...users: string[]): Promise<void> {
  device.presence('subscribe', users);
  await chat.settle();
}

it('a pull is answered once, in its order, for users of any volume', async () => {
  const [here, there, away] = [chat.userOn(0, 'here'), chat.userOn(1, 'there'), chat.userOn(1, 'away')];
  await connect(here);
  await connect(there);
  a.presence('pull', [away, there, here, alice]);
  await chat.settle();
  expect(a.of('presence')).toEqual([
    {
      type: 'presence',
      users: [
        { user: away, state: 'offline' },
        { user: there, state: 'online' },
        { user: here, state: 'online' },
        { user: alice, state: 'online' },
      ],
    },
  ]);
  await chat.pass(10_000);
  expect(a.of('presence')).toHaveLength(1);
  a.presence('pull', []);
  await chat.settle();
  expect(a.of('presence')[1]).toEqual({ type: 'presence', users: [] });
});

it('a pull from a volume that is away, or does not answer, says unknown', async () => {
  const there = chat.userOn(1, 'there');
  await connect(there);
  chat.killVolume(1);
  a.presence('pull', [there, alice]);
  await chat.settle();
  expect(told(a)).toEqual([`${there} unknown`, `${alice} online`]);
  await chat.startVolume(1);
  await chat.pass(100);
  a.presence('pull', [there]);
  chat.network.cut(0, 1);
  await chat.pass(1_900);
  expect(told(a)).toHaveLength(2);
  await chat.pass(200);
  expect(told(a).at(-1)).toBe(`${there} unknown`);
});

describe.each([
  { where: 'of the same volume', volume: 0 },
  { where: 'of another volume', volume: 1 },
])('a watched user $where', ({ volume }) => {
  let bob: string;
  beforeEach(() => {
    bob = chat.userOn(volume, 'bob');
  });

  it('is told of when he has come and stayed, and when he has gone and not come back', async () => {
    await subscribe(a, bob);
    expect(told(a)).toEqual([`${bob} offline`]);
    const b = await connect(bob);
    await chat.pass(DEBOUNCE_MS - 100);
    expect(told(a)).toHaveLength(1);
    await chat.pass(200);
    expect(told(a).slice(1)).toEqual([`${bob} online`]);
    b.disconnect();
    await chat.pass(DEBOUNCE_MS - 100);
    expect(told(a)).toHaveLength(2);
    await chat.pass(200);
    expect(told(a).slice(2)).toEqual([`${bob} offline`]);
  });

  it('is not told of when he leaves at once, nor when he comes back at once, however often', async () => {
    await subscribe(a, bob);
    for (let i = 0; i < 5; i++) {
      const b = await connect(bob);
      await chat.pass(DEBOUNCE_MS - 200);
      b.disconnect();
      await chat.pass(500);
    }
    await chat.pass(10_000);
    expect(told(a)).toEqual([`${bob} offline`]);
    let b = await connect(bob);
    await chat.pass(10_000);
    for (let i = 0; i < 5; i++) {
      b.disconnect();
      await chat.pass(DEBOUNCE_MS - 200);
      b = await connect(bob);
    }
    await chat.pass(10_000);
    expect(told(a)).toEqual([`${bob} offline`, `${bob} online`]);
  });

  it('with a second device has not gone', async () => {
    const first = await connect(bob);
    await connect(bob);
    await subscribe(a, bob);
    first.disconnect();
    await chat.pass(10_000);
    expect(told(a)).toEqual([`${bob} online`]);
  });

  it('is told of at once when a message finds him offline, and again when he is back', async () => {
    const b = await connect(bob);
    await subscribe(a, bob);
    b.disconnect();
    a.send(1, bob, 'are you there?');
    await chat.settle();
    expect(told(a)).toEqual([`${bob} online`, `${bob} offline`]);
    expect(a.of('receipt')).toMatchObject([{ state: 'stored', peer: bob }]);
    await connect(bob);
    await chat.pass(DEBOUNCE_MS + 100);
    expect(told(a).slice(2)).toEqual([`${bob} online`]);
  });

  it('is told of to all who watch him, until they end it or leave', async () => {
    const second = await connect(alice);
    const carol = await connect(chat.userOn(1 - volume, 'carol'));
    const bystander = await connect(chat.userOn(volume, 'bystander'));
    for (const device of [a, second, carol]) await subscribe(device, bob);
    const b = await connect(bob);
    await chat.pass(DEBOUNCE_MS + 100);
    for (const device of [a, second, carol]) expect(told(device).slice(1)).toEqual([`${bob} online`]);
    expect(told(bystander)).toEqual([]);
    a.presence('unsubscribe', [bob]);
    carol.disconnect();
    b.disconnect();
    await chat.pass(DEBOUNCE_MS + 100);
    expect(told(second).slice(2)).toEqual([`${bob} offline`]);
    expect(told(a)).toHaveLength(2);
    second.disconnect();
    await chat.settle();
    expect([0, 1].map((id) => chat.volume(id).presence.watchedUsers)).toEqual([0, 0]);
    expect([0, 1].map((id) => chat.volume(id).presence.subscriptions)).toEqual([0, 0]);
  });

  it('whose change waits to be told, is told of rightly to one who begins to watch meanwhile', async () => {
    await subscribe(a, bob);
    const b = await connect(bob);
    await chat.pass(1_000);
    const second = await connect(alice);
    await subscribe(second, bob);
    expect(told(second)).toEqual([`${bob} online`]);
    b.disconnect();
    await chat.pass(10_000);
    expect(told(second).at(-1)).toBe(`${bob} offline`);
    expect(told(a).at(-1)).toBe(`${bob} offline`);
  });
});

describe('after a break', () => {
  let bob: string;
  let b: SimulatedConnection;
  beforeEach(async () => {
    bob = chat.userOn(1, 'bob');
    b = await connect(bob);
    await subscribe(a, bob);
  });

  it('of the watched volume, whoever comes back in time is not told of', async () => {
    await chat.restartVolume(1);
    await chat.pass(1_000);
    b = await connect(bob);
    await chat.pass(10_000);
    expect(told(a)).toEqual([`${bob} online`]);
    b.disconnect();
    await chat.pass(10_000);
    expect(told(a)).toEqual([`${bob} online`, `${bob} offline`]);
  });

  it('of the watched volume, whoever does not come back is', async () => {
    await chat.restartVolume(1);
    await chat.pass(10_000);
    expect(told(a)).toEqual([`${bob} online`, `${bob} offline`]);
  });

  it('of the link, what has changed meanwhile is told, and who was unsubscribed is not watched', async () => {
    const carol = chat.userOn(1, 'carol');
    await subscribe(a, carol);
    chat.network.cut(0, 1);
    b.disconnect();
    await connect(carol);
    a.presence('unsubscribe', [carol]);
    await chat.pass(10_000);
    expect(told(a)).toEqual([`${bob} online`, `${carol} offline`]);
    chat.network.heal(0, 1);
    await chat.pass(10_000);
    expect(told(a).slice(2)).toEqual([`${bob} offline`]);
    expect(chat.volume(1).presence.watchedUsers).toBe(1);
  });

  it('of the watching volume, nobody is watched for devices that are gone', async () => {
    await chat.restartVolume(0);
    await chat.pass(1_000);
    expect(chat.volume(1).presence.watchedUsers).toBe(0);
  });

  it('of the link in one direction, what was lost on it is told again, even without a pause', async () => {
    await chat.stop();
    await start({ presenceDebounceMs: 0 });
    await subscribe(a, bob);
    const { bus } = chat.volume(1);
    const lost = vi.spyOn(bus, 'send').mockImplementation(() => {});
    await connect(bob);
    await chat.pass(1_000);
    expect(lost.mock.calls.filter(([, , kind]) => kind === BUS.presenceState)).toHaveLength(1);
    expect(told(a)).toEqual([`${bob} offline`]);
    lost.mockRestore();
    chat.volume(1).onBusUp(0);
    await chat.pass(1_000);
    expect(told(a)).toEqual([`${bob} offline`, `${bob} online`]);
  });

  it('of the asking volume, an answer to its earlier life is not taken for one to this', async () => {
    const questions: Buffer[] = [];
    const { bus } = chat.volume(0);
    const send = bus.send.bind(bus);
    vi.spyOn(bus, 'send').mockImplementation((from, to, kind, payload) => {
      if (kind === BUS.presencePull) questions.push(Buffer.from(payload));
      send(from, to, kind, payload);
    });
    a.presence('pull', [bob]);
    await chat.settle();
    await chat.restartVolume(0);
    a = await connect(alice);
    // As many questions as there were before.
    await subscribe(a, bob);
    const carol = chat.userOn(1, 'carol');
    a.presence('pull', [carol]);
    chat.volume(1).presence.onBusMessage(0, BUS.presencePull, questions[0]!);
    await chat.settle();
    expect(questions).toHaveLength(1);
    expect(told(a)).toEqual([`${bob} online`, `${carol} offline`]);
  });

  it('that hid somebody, he is known again once his volume answers', async () => {
    const carol = chat.userOn(1, 'carol');
    chat.network.cut(0, 1);
    await subscribe(a, carol);
    expect(told(a).slice(1)).toEqual([`${carol} unknown`]);
    chat.network.heal(0, 1);
    await chat.pass(5_000);
    expect(told(a).slice(2)).toEqual([`${carol} offline`]);
  });
});

it('a device watches so many users as it may, and a subscription beyond that is refused as a whole', async () => {
  await chat.stop();
  await start({ maxPresenceSubscriptions: 3 });
  const names = [0, 1, 2, 3].map((i) => chat.userOn(i % 2, `n${i}-`));
  await subscribe(a, names[0]!, names[1]!);
  await subscribe(a, names[0]!, names[2]!);
  await subscribe(a, names[3]!);
  expect(a.of('error')).toMatchObject([{ code: ERRORS.tooManySubscriptions.code, id: 0 }]);
  expect(told(a)).toHaveLength(4);
  expect(chat.volume(0).presence.subscriptions).toBe(3);
});

it('costs what is watched, not what comes and goes', async () => {
  const watched = [0, 1, 2].map((i) => chat.userOn(1, `watched${i}-`));
  await subscribe(a, ...watched);
  const sent: number[] = [];
  const { bus } = chat.volume(1);
  const send = bus.send.bind(bus);
  vi.spyOn(bus, 'send').mockImplementation((from, to, kind, payload) => {
    if (kind === BUS.presenceState) sent.push(payload.length);
    send(from, to, kind, payload);
  });
  const crowd = Array.from({ length: 2_000 }, (_, i) => chat.connect(chat.userOn(1, `crowd${i}-`), 0));
  for (const user of watched) chat.connect(user, 0);
  await chat.pass(10_000);
  for (const device of crowd) device.disconnect();
  await chat.pass(10_000);
  expect(told(a).slice(3)).toEqual(watched.map((user) => `${user} online`));
  // All three in one message.
  expect(sent).toHaveLength(1);
  expect(chat.volume(1).counters.presenceTold).toBe(3);
});
