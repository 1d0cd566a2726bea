import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LiveModel } from '../../reports/live/live-model.ts';
import { runSnapshot } from '../coordinator/run-snapshot.fixture.ts';
import { compileScenario } from '../population/load-plan.ts';
import { loadScenario } from '../scenario-loader.ts';
import { DEFAULT_LIVE } from './live-flag.ts';
import { liveRun, RunPage } from './live-run.ts';

const other = createServer();
const model = new LiveModel({ runId: 'r', scenarioText: '', command: '' });

/** One that is taken already will do as well. */
beforeAll(
  () =>
    new Promise<void>((resolve) => {
      other.once('error', () => resolve());
      other.listen(DEFAULT_LIVE.port, DEFAULT_LIVE.host, resolve);
    }),
);
afterAll(() => void other.close());

async function smoke() {
  const { scenario, samples } = await loadScenario('smoke');
  return liveRun({ runId: 'r', name: 'n', agents: 1, shards: 1, cores: 2 }, compileScenario(scenario, {}, samples));
}

it('does without a page where the default port is taken', async () => {
  const said: string[] = [];
  expect(await RunPage.open(DEFAULT_LIVE, await smoke(), model, (text) => said.push(text))).toBeNull();
  expect(said).toEqual([
    "the live page can't be served at 127.0.0.1:5665: something else listens there, perhaps another run; --live 0 takes any free port. The run goes on without its page.",
  ]);
});

it('says where the page is, and what the run says of itself', async () => {
  const said: string[] = [];
  const page = await RunPage.open({ host: '127.0.0.1', port: 0 }, await smoke(), model, (text) => said.push(text));
  const url = /^live page: (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(said[0]!)![1]!;
  const look = async () => (await fetch(url)).text();
  expect(await look()).toContain('Starting server and agents');
  const fault = { kind: 'freeze-shard', startMs: 3_000, endedMs: null, detail: 'frozen', problem: null } as const;
  page!.show(runSnapshot({ faults: [fault], phases: [{ phase: 'steady', startMs: 1_000, endMs: 9_000 }] }), ['<slow>']);
  await expect.poll(look, { timeout: 5_000 }).toContain('&lt;slow&gt;');
  expect(await look()).toContain('"faults":[{"name":"freeze-shard","from":2,"to":8}]');
  await page!.end(null, 'over');
  await page!.end(null, 'once more');
  await expect(look()).rejects.toThrow();
});
