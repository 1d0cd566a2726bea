import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GroupCommit, type GroupCommitBatch } from './group-commit.ts';
import type { MessageStore, StoreBatch } from './message-store.ts';

/** A store that notes what it is asked to write, and answers when the test says so. */
class ManualStore {
  readonly batches: Array<{ numbers: number[]; succeed: () => Promise<void>; fail: () => Promise<void> }> = [];

  get asMessageStore(): MessageStore {
    const commit = (batch: StoreBatch): Promise<void> =>
      new Promise((resolve, reject) => {
        const settle = (answer: () => void) => async () => {
          answer();
          await turn();
        };
        const { numbers } = batch as unknown as { numbers: number[] };
        this.batches.push({ numbers: [...numbers], succeed: settle(resolve), fail: settle(() => reject(FULL)) });
      });
    return { batch: () => new NotedBatch(), commit } as unknown as MessageStore;
  }
}

/** Keeps the numbers of the cursors put into it. */
class NotedBatch {
  readonly numbers: number[] = [];
  get size(): number {
    return this.numbers.length;
  }
  get bytes(): number {
    return this.numbers.length * 10;
  }
  putCursor(_source: number, number: number): void {
    this.numbers.push(number);
  }
}

const FULL = new Error('no space left');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let store: ManualStore;
let commit: GroupCommit<string>;
let log: string[];
let seals: number[];
let addAtSeal: (batch: GroupCommitBatch<string>) => void;
let now: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  store = new ManualStore();
  log = [];
  seals = [];
  addAtSeal = () => {};
  now = 0;
  commit = new GroupCommit<string>({
    store: store.asMessageStore,
    seal: (batch) => {
      seals.push(batch.store.size);
      addAtSeal(batch);
    },
    committed: (batch) => log.push(...batch.effects),
    health: (healthy, error) => log.push(healthy ? 'healthy' : `unhealthy: ${error?.message}`),
    recovered: () => log.push('recovered'),
    giveUp: (effects, reason) => log.push(`given up: ${effects} (${reason.message})`),
    giveUpMs: 30_000,
    hangMs: 5_000,
    maxBytes: 35,
    now: () => now,
    retryDelayMs: { first: 50, most: 150 },
  });
});

afterEach(() => {
  vi.useRealTimers();
});

function put(number: number, effect?: string): void {
  const batch = commit.current();
  batch.store.putCursor(0, number);
  if (effect !== undefined) batch.effects.push(effect);
}

const written = (): number[][] => store.batches.map(({ numbers }) => numbers);

describe('batching', () => {
  it('makes one batch of a turn, and none when nothing happens', async () => {
    await turn();
    expect(written()).toEqual([]);
    put(1);
    put(2);
    put(3);
    expect(written()).toEqual([]);
    await turn();
    expect(written()).toEqual([[1, 2, 3]]);
  });

  it('has one batch under way at most: what comes meanwhile is the next one', async () => {
    put(1);
    await turn();
    for (const number of [2, 3, 4]) {
      put(number);
      await turn();
    }
    expect(written()).toEqual([[1]]);
    await store.batches[0]!.succeed();
    await turn();
    expect(written()).toEqual([[1], [2, 3, 4]]);
    await store.batches[1]!.succeed();
    await turn();
    expect(written()).toHaveLength(2);
    expect(commit.commits).toBe(2);
  });

  it('lets the last things in when a batch is sealed', async () => {
    addAtSeal = (batch) => batch.store.putCursor(0, 99);
    put(1);
    await turn();
    expect(written()).toEqual([[1, 99]]);
    expect(seals).toEqual([1]);
  });

  it('drops a batch that was only looked at', async () => {
    commit.current();
    await turn();
    expect(written()).toEqual([]);
    await commit.idle();
    put(1);
    await turn();
    expect(written()).toEqual([[1]]);
  });
});

describe('effects', () => {
  it('run after the commit, in the order added, over all batches', async () => {
    put(1, 'a');
    put(2, 'b');
    await turn();
    put(3, 'c');
    expect(log).toEqual([]);
    await store.batches[0]!.succeed();
    expect(log).toEqual(['a', 'b']);
    await turn();
    put(4, 'd');
    await store.batches[1]!.succeed();
    await turn();
    await store.batches[2]!.succeed();
    expect(log).toEqual(['a', 'b', 'c', 'd']);
  });

  it('without a write need no store, but keep their place behind what is under way', async () => {
    commit.current().effects.push('alone');
    await turn();
    expect(log).toEqual(['alone']);
    put(1, 'written');
    await turn();
    commit.current().effects.push('behind');
    await turn();
    expect(log).toEqual(['alone']);
    await store.batches[0]!.succeed();
    await turn();
    expect(log).toEqual(['alone', 'written', 'behind']);
    expect(store.batches).toHaveLength(1);
  });

  it('may add to the next batch', async () => {
    commit = new GroupCommit<string>({
      store: store.asMessageStore,
      seal: () => {},
      committed: (batch) => {
        log.push(...batch.effects);
        if (batch.effects.includes('first')) put(2, 'second');
      },
      health: () => {},
    });
    put(1, 'first');
    await turn();
    await store.batches[0]!.succeed();
    await turn();
    await store.batches[1]!.succeed();
    expect(written()).toEqual([[1], [2]]);
    expect(log).toEqual(['first', 'second']);
  });
});

describe('a failed commit', () => {
  it('is tried again with growing pauses up to the most, nothing overtakes it, and health tells', async () => {
    put(1, 'one');
    await turn();
    expect(commit.healthy).toBe(true);
    await store.batches[0]!.fail();
    expect(commit.healthy).toBe(false);
    expect(log[0]).toBe('unhealthy: no space left');
    put(2, 'two');
    await turn();
    for (const [attempt, pause] of [50, 100, 150, 150].entries()) {
      vi.advanceTimersByTime(pause - 1);
      expect(store.batches).toHaveLength(attempt + 1);
      vi.advanceTimersByTime(1);
      expect(store.batches).toHaveLength(attempt + 2);
      if (attempt < 3) await store.batches.at(-1)!.fail();
    }
    expect(written()).toEqual([[1], [1], [1], [1], [1]]);
    expect(commit.failures).toBe(4);
    await store.batches.at(-1)!.succeed();
    expect(commit.healthy).toBe(true);
    expect(log.slice(-3)).toEqual(['healthy', 'recovered', 'one']);
    await turn();
    await store.batches.at(-1)!.succeed();
    expect(written().at(-1)).toEqual([2]);
    expect(log.at(-1)).toBe('two');
    expect(log.filter((line) => line === 'healthy')).toHaveLength(1);
  });

  it('is given up by stop: it is not tried again, and its effects never run', async () => {
    put(1, 'never');
    await turn();
    commit.stop();
    await store.batches[0]!.fail();
    vi.advanceTimersByTime(10_000);
    await turn();
    expect(store.batches).toHaveLength(1);
    expect(log).not.toContain('never');
  });
});

/** Lets time pass as the owner sees it, who looks once a second. */
function pass(ms: number): void {
  for (let left = ms; left > 0; left -= 1_000) {
    now += Math.min(left, 1_000);
    vi.advanceTimersByTime(Math.min(left, 1_000));
    commit.watch();
  }
}

describe('the circuit', () => {
  it('is open after a failure, half-open while it is tried again, and closed by a success', async () => {
    put(1, 'one');
    await turn();
    const seen = [commit.state];
    await store.batches[0]!.fail();
    seen.push(commit.state);
    vi.advanceTimersByTime(50);
    seen.push(commit.state);
    expect(commit.healthy).toBe(false);
    await store.batches[1]!.fail();
    seen.push(commit.state);
    vi.advanceTimersByTime(100);
    await store.batches[2]!.succeed();
    seen.push(commit.state);
    expect(seen).toEqual(['closed', 'open', 'half-open', 'open', 'closed']);
    expect(commit.lastError).toBe(FULL);
  });

  it('is opened by a commit that is not answered, and closed when it is: once and with its effects', async () => {
    put(1, 'one');
    await turn();
    pass(4_000);
    expect(commit.healthy).toBe(true);
    pass(1_000);
    expect([commit.healthy, commit.state]).toEqual([false, 'open']);
    expect(log).toEqual(['unhealthy: the store has not answered a write for 5 s']);
    pass(7_000);
    expect(commit.troubleMs).toBe(7_000);
    expect(log).toHaveLength(1);
    expect(store.batches).toHaveLength(1);
    await store.batches[0]!.succeed();
    expect(commit.state).toBe('closed');
    expect(commit.troubleMs).toBe(0);
    expect(log.slice(1)).toEqual(['healthy', 'recovered', 'one']);
  });

  it('is not opened by a store that is slow but answers in time', async () => {
    for (let round = 0; round < 4; round++) {
      put(round);
      await turn();
      pass(4_000);
      await store.batches[round]!.succeed();
    }
    expect(log).toEqual([]);
  });

  it('is opened again by a retry that hangs', async () => {
    put(1);
    await turn();
    await store.batches[0]!.fail();
    vi.advanceTimersByTime(50);
    expect(commit.state).toBe('half-open');
    pass(5_000);
    expect(commit.state).toBe('open');
  });
});

describe('what gathers behind a commit', () => {
  it('is bounded: beyond it no new work is taken until the next batch has begun', async () => {
    put(1, 'one');
    await turn();
    for (const number of [2, 3, 4, 5]) put(number);
    expect(commit.healthy).toBe(true);
    put(6);
    expect([commit.healthy, commit.state]).toEqual([false, 'closed']);
    expect(commit.waitingBytes).toBe(60);
    await store.batches[0]!.succeed();
    await turn();
    expect(commit.healthy).toBe(true);
    expect(log).toEqual(['one', 'recovered']);
    expect(written().at(-1)).toEqual([2, 3, 4, 5, 6]);
  });

  it('may be as much as it likes in a batch of one turn, for nothing waits', async () => {
    for (let number = 0; number < 100; number++) put(number);
    expect(commit.healthy).toBe(true);
    await turn();
    expect(store.batches).toHaveLength(1);
  });
});

describe('giving up', () => {
  it('hands over what waits, once each, and applies it all the same when the store comes back', async () => {
    put(1, 'one');
    await turn();
    put(2, 'two');
    await store.batches[0]!.fail();
    pass(29_000);
    expect(log.filter((line) => line.startsWith('given up'))).toEqual([]);
    pass(2_000);
    put(3, 'three');
    pass(2_000);
    expect(log.filter((line) => line.startsWith('given up'))).toEqual([
      'given up: one,two (the store has not answered a write for 5 s)',
      'given up: three (the store has not answered a write for 5 s)',
    ]);
    await store.batches.at(-1)!.succeed();
    await turn();
    expect(written().at(-1)).toEqual([2, 3]);
    await store.batches.at(-1)!.fail();
    put(4, 'four');
    pass(31_000);
    // Those of the second batch were handed over when they gathered.
    expect(log.filter((line) => line.startsWith('given up')).slice(2)).toEqual([
      'given up: four (the store has not answered a write for 5 s)',
    ]);
    await store.batches.at(-1)!.succeed();
    await turn();
    await store.batches.at(-1)!.succeed();
    expect(log.filter((line) => /^(one|two|three|four)$/.test(line))).toEqual(['one', 'two', 'three', 'four']);
  });

  it('can be asked for at the end of the process', async () => {
    put(1, 'one');
    await turn();
    put(2, 'two');
    commit.stop();
    commit.giveUp();
    commit.giveUp();
    expect(log).toEqual(['given up: one,two (the process ended before the store had taken it)']);
  });
});

describe('idle', () => {
  it('resolves at once when there is nothing to do', async () => {
    await commit.idle();
  });

  it('waits for what is gathered, under way, and added by effects meanwhile', async () => {
    put(1, 'one');
    const idle = commit.idle().then(() => log.push('idle'));
    await turn();
    put(2, 'two');
    await store.batches[0]!.succeed();
    await turn();
    expect(log).toEqual(['one']);
    await store.batches[1]!.succeed();
    await idle;
    expect(log).toEqual(['one', 'two', 'idle']);
  });

  it('wakes everybody who waits', async () => {
    put(1);
    const all = Promise.all([commit.idle(), commit.idle(), commit.idle()]);
    await turn();
    await store.batches[0]!.succeed();
    await all;
  });
});
