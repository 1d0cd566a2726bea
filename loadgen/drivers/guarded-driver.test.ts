import { afterEach, describe, expect, it, vi } from 'vitest';
import { DriverModuleError } from './driver-module-error.ts';
import { guardedDriver } from './guarded-driver.ts';
import { type DriverConnection, DriverError, type DriverEvents, type TargetDriver } from './target-driver.ts';

type Events = DriverEvents<string>;
type Inside = Partial<TargetDriver<string>>;

afterEach(() => {
  vi.useRealTimers();
});

const CONNECT = { user: 'u', device: 'd', context: 'u', timeoutMs: 50 };

/** A driver with `inside` for what it does, under guard; the events it reports, as lines. */
function setUp(inside: (events: Events) => Inside) {
  const lines: string[] = [];
  const events: Events = {
    sent: (c, id) => lines.push(`${c.context} sent ${id}`),
    sendFailed: (c, id, reason, retryable) => lines.push(`${c.context} failed ${id} ${reason} ${retryable}`),
    received: (c, from, body) => lines.push(`${c.context} received ${from} ${Buffer.from(body)}`),
    delivered: (c, id) => lines.push(`${c.context} delivered ${id}`),
    closed: (c, code, reason) => lines.push(`${c.context} closed ${code} ${reason}`),
  };
  let reported!: Events;
  const create = guardedDriver(
    './bad.ts',
    (_options, given) => {
      reported = given as unknown as Events;
      return {
        name: 'bad',
        capabilities: { resume: false, acknowledges: true, receipts: true, idempotent: false },
        prepare: async () => {},
        connect: async () => new Connection(),
        flush: () => {},
        close: async () => {},
        ...inside(reported),
      } as never;
    },
    { prepareMs: 30, graceMs: 20, closeMs: 20 },
  );
  const driver = create<string>({ target: 'ws://127.0.0.1:1' }, events);
  return { driver, lines, report: reported };
}

/** A connection with private state, as a class of the user's would have it. */
class Connection {
  readonly user = 'u';
  context = 'u';
  #position = 7;
  readonly calls: unknown[] = [];
  get position(): number {
    return this.#position;
  }
  send(...call: unknown[]): void {
    if (call[0] === 'nobody') throw new Error('no such user\nat somewhere');
    this.#position++;
    this.calls.push(call);
  }
  sendGroup(...call: unknown[]): void {
    this.calls.push(['group', ...call]);
  }
  close(): void {}
}

async function connected() {
  const inside = new Connection();
  const set = setUp(() => ({ connect: async () => inside as never }));
  return { ...set, inside, connection: await set.driver.connect(CONNECT) };
}

describe('creating', () => {
  const create = (createDriver: unknown) => () =>
    guardedDriver('./bad.ts', createDriver as never)({ target: 'ws://x:1' }, {} as never);

  it.each([
    [
      () => {
        throw new Error('no licence\nat x');
      },
      "the driver ./bad.ts can't be created: no licence",
    ],
    [() => undefined, "the driver ./bad.ts can't be created: createDriver gives a value of type undefined"],
    [() => ({ prepare() {}, flush() {}, close() {} }), 'createDriver gives an object without the method "connect"'],
    [() => ({ prepare() {}, connect() {}, flush() {}, close() {} }), 'gives a driver without capabilities'],
  ])('%s is told', (createDriver, message) => {
    expect(create(createDriver)).toThrow(DriverModuleError);
    expect(create(createDriver)).toThrow(message);
  });
});

describe('preparing', () => {
  it.each([
    [
      'throws',
      () => {
        throw new TypeError('x is not a function');
      },
      DriverModuleError,
      "can't prepare: x is not a function",
    ],
    ['never settles', () => new Promise<void>(() => {}), DriverModuleError, 'did not finish "prepare" within 0.03 s'],
    [
      'knows that it can’t be',
      () => {
        throw new DriverError('server', 'wrong room', { final: true });
      },
      DriverModuleError,
      "can't prepare: wrong room",
    ],
    [
      'finds nobody',
      () => {
        throw new DriverError('server', 'nobody there');
      },
      DriverError,
      "the driver ./bad.ts can't prepare: nobody there",
    ],
  ])('a driver that %s is told', async (_what, prepare, kind, message) => {
    const failure = setUp(() => ({ prepare })).driver.prepare();
    await expect(failure).rejects.toBeInstanceOf(kind);
    await expect(failure).rejects.toThrow(message);
  });
});

describe('connecting', () => {
  const failure = (connect: () => unknown, options = {}) =>
    setUp(() => ({ connect: connect as never })).driver.connect({ ...CONNECT, ...options });

  it('a driver that throws at once or gives no connection has its name in the error', async () => {
    const throws = failure(() => {
      throw new TypeError('oh');
    });
    await expect(throws).rejects.toMatchObject({
      side: 'server',
      final: false,
      message: 'the driver ./bad.ts failed in "connect": oh',
    });
    await expect(failure(async () => ({ send() {} }))).rejects.toThrow(
      'failed in "connect": it gives an object without the method "close"',
    );
  });

  it('its own DriverErrors are taken at their word, also those of another copy of the class', async () => {
    const foreign = Object.assign(new Error('full'), { side: 'generator', final: true });
    await expect(
      failure(async () => {
        throw foreign;
      }),
    ).rejects.toMatchObject({ side: 'generator', final: true, message: 'full' });
  });

  it('one that never settles is given up, for good unless the user was connected before', async () => {
    const hangs = () => new Promise(() => {});
    const message = 'the driver ./bad.ts did not finish "connect" within 0.07 s';
    await expect(failure(hangs)).rejects.toMatchObject({ side: 'server', final: true, message });
    await expect(failure(hangs, { after: 3 })).rejects.toMatchObject({ final: false, message });
  });

  it('a connection that comes too late is closed, and silent', async () => {
    const inside = Object.assign(new Connection(), { close: vi.fn() });
    let settle!: (connection: unknown) => void;
    const { driver, lines, report } = setUp(() => ({ connect: () => new Promise((done) => (settle = done as never)) }));
    await expect(driver.connect(CONNECT)).rejects.toThrow('did not finish');
    settle(inside);
    await vi.waitFor(() => expect(inside.close).toHaveBeenCalledWith(false));
    report.received(inside as never, 'x', Buffer.from('x'));
    expect(lines).toEqual([]);
  });
});

describe('a connection under guard', () => {
  it('is the driver’s own in all else', async () => {
    const { connection, inside, lines, report } = await connected();
    connection.send('v', 1, Buffer.from('x'));
    (connection as DriverConnection<string> & Connection).sendGroup('g', 2, Buffer.from('y'));
    expect(inside.calls).toEqual([
      ['v', 1, Buffer.from('x')],
      ['group', 'g', 2, Buffer.from('y')],
    ]);
    expect(connection.position).toBe(8);
    connection.context = 'new';
    report.sent(inside as never, 1);
    report.sent(inside as never, 2);
    expect(lines).toEqual(['new sent 1', 'new sent 2']);
  });

  it('a send that throws has failed, once, and not for trying again', async () => {
    const { driver, connection, lines, report, inside } = await connected();
    connection.send('nobody', 1, Buffer.from('x'));
    report.sent(inside as never, 1);
    expect(lines).toEqual(['u failed 1 the driver ./bad.ts failed in "send": no such user false']);
    expect(driver.problems!()).toEqual([
      'the driver ./bad.ts failed in "send": no such user',
      'the driver ./bad.ts answered a send that waited for no answer, which was dropped',
    ]);
  });

  it('each send has one answer; an id that is sent again may have another', async () => {
    const { driver, connection, lines, report, inside } = await connected();
    connection.send('v', 1, Buffer.from('x'));
    report.sent(inside as never, 1);
    report.sent(inside as never, 1);
    report.sendFailed(inside as never, 1, 'no', true);
    report.sent(inside as never, 2);
    connection.send('v', 1, Buffer.from('x'));
    report.sent(inside as never, 1);
    expect(lines).toEqual(['u sent 1', 'u sent 1']);
    expect(driver.problems!()[0]).toMatch(/waited for no answer, which was dropped \(3 ×\)$/);
  });

  it.each(['closed by the driver', 'closed by the agent'])('%s it reports nothing more', async (how) => {
    const { driver, connection, lines, report, inside } = await connected();
    if (how === 'closed by the agent') connection.close(true);
    else report.closed(inside as never, 1006, 'gone', true);
    lines.length = 0;
    report.received(inside as never, 'x', Buffer.from('x'));
    report.closed(inside as never, 1006, 'gone', true);
    connection.send('v', 1, Buffer.from('x'));
    report.delivered(inside as never, 1);
    expect(lines).toEqual([]);
    expect(inside.calls).toEqual([]);
    expect(driver.problems!()).toEqual([
      'the driver ./bad.ts reported something of a connection that had ended, which was dropped (3 ×)',
    ]);
  });

  it('a driver may use its own methods without being taken for the agent', async () => {
    const { lines, report, inside } = await connected();
    inside.close();
    report.closed(inside as never, 4000, 'own decision', true);
    expect(lines).toEqual(['u closed 4000 own decision']);
  });

  it('a body that is none is dropped', async () => {
    const { driver, lines, report, inside } = await connected();
    report.received(inside as never, 'x', 'text' as never);
    expect(lines).toEqual([]);
    expect(driver.problems!()).toEqual(['the driver ./bad.ts gave a body that is no Uint8Array, which was dropped']);
  });
});

it('a flush that throws and a close that hangs do no harm', async () => {
  const { driver } = setUp(() => ({
    flush: () => {
      throw new Error('oh');
    },
    close: () => new Promise(() => {}),
  }));
  driver.flush();
  await driver.close();
  expect(driver.problems!()).toEqual([
    'the driver ./bad.ts failed in "flush": oh',
    'the driver ./bad.ts did not finish "close"',
  ]);
});
