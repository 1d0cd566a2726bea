import { beforeEach, describe, expect, it } from 'vitest';
import { OutboundStream, type StreamRecord } from './outbound-stream.ts';

const FIRST = 1_001;

/** Numbers handed to the bus; those that need none before them with a `*`, those that do not follow the one they name with its number. */
let transmitted: string[];
/** What the store has, and the reads of it that are not answered yet. */
let stored: StreamRecord[];
let reads: Array<() => Promise<void>>;

beforeEach(() => {
  transmitted = [];
  stored = [];
  reads = [];
});

function createStream(memoryBytes: number): OutboundStream {
  return new OutboundStream({
    destination: 1,
    lastNumber: FIRST - 1,
    memoryBytes,
    transmit: ({ number }, previous) => {
      const after = previous === 0 ? '*' : previous === number - 1 ? '' : ` after ${previous - FIRST + 1}`;
      transmitted.push(`${number - FIRST + 1}${after}`);
    },
    reload: (after) =>
      new Promise((resolve) => {
        // The read sees what is stored when it starts.
        const found = stored.filter(({ number }) => number > after).slice(0, 2);
        reads.push(async () => {
          resolve(found);
          await new Promise((done) => setImmediate(done));
        });
      }),
  });
}

/** A record of 10 bytes: numbered and stored, but not pushed, as between a commit and its effects. */
function store(stream: OutboundStream): StreamRecord {
  const record = { number: stream.nextNumber(), value: Buffer.alloc(10) };
  stored.push(record);
  return record;
}

async function readAll(): Promise<void> {
  while (reads.length > 0) await reads.shift()!();
}

describe('in memory', () => {
  it('sends once, repeats what is not confirmed, and counts it', () => {
    const stream = createStream(1_000);
    for (let i = 0; i < 3; i++) stream.push(store(stream));
    expect(transmitted).toEqual(['1*', '2', '3']);
    expect(stream.confirm(FIRST)).toEqual([FIRST]);
    expect(stream.unconfirmed).toBe(2);
    stream.resend();
    expect(transmitted.slice(3)).toEqual(['2*', '3']);
    expect(stream.confirm(FIRST + 2)).toEqual([FIRST + 1, FIRST + 2]);
    expect(stream.confirm(FIRST + 2)).toEqual([]);
    expect(stream.unconfirmed).toBe(0);
    stream.resend();
    expect(transmitted).toHaveLength(5);
  });

  it('after a restart sends what an earlier life left, then numbers anew', () => {
    const stream = createStream(1_000);
    stream.restore([7, 8].map((number) => ({ number: number + FIRST - 101, value: Buffer.alloc(10) })));
    expect(stream.unconfirmed).toBe(2);
    expect(transmitted).toEqual([]);
    stream.resend();
    stream.push(store(stream));
    stream.push(store(stream));
    expect(transmitted).toEqual(['-93*', '-92', '1 after -92', '2']);
    expect(stream.confirm(FIRST - 93)).toHaveLength(2);
    expect(stream.unconfirmed).toBe(2);
  });
});

describe('beyond its memory', () => {
  it('reads back from the store as room comes, in order, each record once', async () => {
    const stream = createStream(40);
    for (let i = 0; i < 12; i++) stream.push(store(stream));
    expect(transmitted).toHaveLength(4);
    let confirmed = 0;
    while (confirmed < 12) {
      await readAll();
      confirmed = transmitted.length;
      stream.confirm(FIRST + confirmed - 1);
      await readAll();
    }
    expect(transmitted).toEqual(['1*', ...Array.from({ length: 11 }, (_, i) => `${i + 2}`)]);
    expect(stream.unconfirmed).toBe(0);
    stream.push(store(stream));
    expect(transmitted.at(-1)).toBe('13');
  });

  it('does not forget a record that is pushed while a read is under way that has not seen it', async () => {
    const stream = createStream(25);
    for (let i = 0; i < 3; i++) stream.push(store(stream));
    const number = stream.nextNumber();
    stream.confirm(FIRST + 1);
    await reads.shift()!();
    expect(transmitted).toEqual(['1*', '2', '3']);
    stream.confirm(FIRST + 2);
    // This read finds nothing; the fourth record is committed after it began.
    const record = { number, value: Buffer.alloc(10) };
    stored.push(record);
    stream.push(record);
    await readAll();
    expect(transmitted).toEqual(['1*', '2', '3', '4']);
  });

  it('does not send a record twice that a read has found before it was pushed', async () => {
    const stream = createStream(25);
    for (let i = 0; i < 3; i++) stream.push(store(stream));
    const committed = store(stream);
    stream.confirm(FIRST + 1);
    await readAll();
    stream.push(committed);
    await readAll();
    expect(transmitted).toEqual(['1*', '2', '3', '4']);
    expect(stream.confirm(FIRST + 3)).toEqual([FIRST + 2, FIRST + 3]);
    expect(stream.unconfirmed).toBe(0);
  });
});
