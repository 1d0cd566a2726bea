/** Drivers that throw and hang, as the whole program meets them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Finished, Workspace } from '../testing/command-line.ts';

const TIMEOUT = 120_000;

/** A fail; or inconclusive, where the machine is busy with something else as well. */
const judgedBad = (code: number): boolean => code === 99 || code === 98;
let workspace: Workspace;

beforeAll(() => {
  workspace = new Workspace();
  writeFileSync(
    join(workspace.directory, 'short.mjs'),
    `export default {
      name: 'short', description: 'd', question: 'q', badSign: 'b', connections: 10, load: { rate: 50 },
      phases: { warmUp: 0, steady: '2s', drain: '1s' },
    };`,
  );
});
afterAll(() => workspace.close());

function run(driver: string, text: string): Promise<Finished> {
  writeFileSync(join(workspace.directory, driver), text);
  const results = ['--results', `chdb:${driver}.results`, '--summary-json', `${driver}.json`];
  return workspace.run(['run', 'short.mjs', '-a', '1', '--driver', driver, '-t', 'ws://127.0.0.1:9', ...results]);
}

/** A driver that relays within its process, with `changes` to a connection of it. */
const relay = (changes: string): string => `
  import { type CreateDriver, DriverError } from 'plimsoll/driver';
  export const createDriver: CreateDriver = (_options, events) => {
    const users = new Map();
    let sends = 0;
    return {
      name: 'mine',
      capabilities: { resume: false, acknowledges: true, receipts: false, idempotent: false },
      prepare: async () => {},
      async connect({ user, context }) {
        const connection: any = {
          user, context, position: 0,
          send(to, id, body) {
            const copy = Buffer.from(body);
            setImmediate(() => {
              events.received(users.get(to), user, copy);
              events.sent(connection, id);
            });
          },
          close() {},
        };
        users.set(user, connection);
        const { send } = connection;
        ${changes}
        return connection;
      },
      flush: () => {},
      close: async () => {},
    };
  };`;

describe.concurrent('a driver that', () => {
  it.for([
    ['does not parse', '1.ts', 'export const = 3;', /^the driver .*1\.ts can't be loaded: /],
    [
      'exports nothing of use',
      '2.ts',
      'export const driver = 1;',
      /^the driver .*2\.ts exports no function createDriver; see /,
    ],
    [
      'throws when it is created',
      '3.ts',
      'export function createDriver() { throw new TypeError("oh"); }',
      /^agent-0: the driver 3\.ts can't be created: oh\n/,
    ],
    [
      'can’t prepare',
      '4.ts',
      relay('').replace(
        'async () => {}',
        'async () => { throw new DriverError("server", "no room 9", { final: true }); }',
      ),
      /^agent-0: the driver 4\.ts can't prepare: no room 9\n/,
    ],
  ] as const)(
    '%s is told of in one sentence, with 104',
    { timeout: TIMEOUT },
    async ([, name, text, sentence], { expect }) => {
      const { code, stdout, stderr } = await run(name, text);
      expect(stderr).toMatch(sentence);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect({ code, stdout }).toEqual({ code: 104, stdout: '' });
    },
  );

  it('throws in a send, answers twice and reports of the dead is judged by the rest', { timeout: TIMEOUT }, async ({
    expect,
  }) => {
    const { code, stderr } = await run(
      'careless.ts',
      relay(`connection.send = (to, id, body) => {
        if (++sends % 10 === 0) throw new Error('each tenth');
        send(to, id, body);
        setImmediate(() => events.sent(connection, id));
      };`),
    );
    const { ledger, notes } = workspace.summary('careless.ts.json');
    expect(ledger.delivered).toBeGreaterThan(50);
    expect(ledger).toMatchObject({ lost: 0, duplicated: 0 });
    expect(code).toSatisfy(judgedBad);
    for (const text of [notes.join('\n'), stderr]) {
      expect(text).toMatch(/agent-0: the driver careless\.ts failed in "send": each tenth \(\d+ ×\)/);
      expect(text).toMatch(
        /agent-0: the driver careless\.ts answered a send that waited for no answer, which was dropped \(\d+ ×\)/,
      );
    }
  });

  it('throws in a callback of its own ends its agent, and what it measured stays', { timeout: TIMEOUT }, async ({
    expect,
  }) => {
    const { code, stderr } = await run(
      'callback.ts',
      relay(`connection.send = (to, id, body) => {
        send(to, id, body);
        if (++sends === 60) setImmediate(() => { throw new Error('out of the blue'); });
      };`),
    );
    const { verdict, validity, results } = workspace.summary('callback.ts.json');
    expect({ code, verdict }).toEqual({ code: 98, verdict: 'inconclusive' });
    expect(validity.reasons.join()).toMatch(
      /agent-0 with the driver callback\.ts failed: out of the blue during the run/,
    );
    expect(results.metrics.find(({ name }) => name === 'delivery_latency')!.values).toHaveProperty('count');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('never finishes a connect has that one counted as failed', { timeout: TIMEOUT }, async ({ expect }) => {
    const { code, stdout } = await run('hangs.ts', relay(`if (users.size === 10) await new Promise(() => {});`));
    const { connecting, ledger } = workspace.summary('hangs.ts.json');
    expect(stdout).toMatch(
      /1 of 10 connections were not opened: the\s+driver hangs\.ts did not finish "connect" within 16 s/,
    );
    expect(connecting.failed).toBe(1);
    expect(ledger.delivered).toBeGreaterThan(50);
    expect(code).toSatisfy(judgedBad);
  });
});
