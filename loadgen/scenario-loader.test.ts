import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileScenario } from './population/load-plan.ts';
import { knownScenarios, loadScenario, ScenarioError } from './scenario-loader.ts';

const BODY = `{ name: 'mine', description: 'd', question: 'q', badSign: 'b', connections: 10, load: { rate: 5 } }`;
const JSON_BODY = JSON.stringify(
  { name: 'mine', description: 'd', question: 'q', badSign: 'b', connections: 10, load: { rate: 5 } },
  null,
  1,
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-scenarios-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('a scenario of one’s own', () => {
  it.each([
    [
      'typed.ts',
      `import { defineScenario, type Scenario } from 'plimsoll/scenario';\nconst s: Scenario = ${BODY};\nexport default defineScenario(s);`,
    ],
    ['plain.js', `export default ${BODY};`],
    ['module.mjs', `export default ${BODY};`],
    ['data.json', JSON_BODY],
  ])('loads from %s', async (name, text) => {
    const path = write(name, text);
    const loaded = await loadScenario(name, { cwd: folder });
    expect(loaded).toMatchObject({ path, text, scenario: { name: 'mine', connections: 10 } });
  });

  it('is read afresh each time', async () => {
    const path = write('changing.ts', `export default ${BODY};`);
    expect((await loadScenario(path)).scenario.connections).toBe(10);
    write('changing.ts', `export default ${BODY.replace('connections: 10', 'connections: 20')};`);
    expect((await loadScenario(path)).scenario.connections).toBe(20);
  });
});

describe('what cannot be loaded says why', () => {
  it.each([
    ['syntax.ts', 'const a = 1;\nexport default { b: 2 }};', /syntax\.ts:2:\d+ does not parse: /],
    ['broken.json', '{\n "name": "x",\n}', /broken\.json:3:1 does not parse: /],
    ['cut.json', '{ "name": ', /cut\.json:1:11 does not parse: Unexpected end/],
    [
      'throws.ts',
      'const x = undefined as unknown as { y: number };\n\nexport default { z: x.y };',
      /throws\.ts:3:\d+ fails: Cannot read properties of undefined/,
    ],
    ['string.ts', 'throw "no";', /string\.ts fails: it throws no/],
    [
      'import.ts',
      `import x from './nowhere.ts';\nexport default x;`,
      /import\.ts.* fails: Cannot find module '\.\/nowhere\.ts'/,
    ],
    [
      'named.ts',
      `export const scenario = ${BODY};`,
      /named\.ts has no default export; write "export default defineScenario/,
    ],
    [
      'schema.ts',
      `export default { ...${BODY}, conections: 5 };`,
      /schema\.ts: "conections" is not a field of a scenario; did you mean "connections"\?/,
    ],
    ['text.txt', 'x', /text\.txt is not a scenario: its name must end in/],
  ])('%s', async (name, text, message) => {
    const path = write(name, text);
    const failure = loadScenario(path);
    await expect(failure).rejects.toThrow(ScenarioError);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.not.toThrow('\n');
  });

  it('an unknown name lists the known ones and the closest', async () => {
    await expect(loadScenario('smokk', { cwd: folder })).rejects.toThrow(
      /there is no scenario "smokk"; did you mean "smoke"\? give a path or one of: .*fifty-thousand.*smoke/,
    );
    await expect(loadScenario('./smoke', { cwd: folder })).rejects.toThrow('there is no scenario "./smoke"');
    await expect(loadScenario('.', { cwd: folder })).rejects.toThrow('there is no scenario "."');
  });
});

describe('the scenarios that come with Plimsoll', () => {
  it('are known by name, the schema is not one of them', () => {
    expect(knownScenarios()).toEqual(expect.arrayContaining(['fifty-thousand', 'smoke']));
    expect(knownScenarios().filter((name) => name.startsWith('scenario'))).toEqual([]);
  });

  it.each(knownScenarios())('%s loads and compiles', async (name) => {
    const { scenario } = await loadScenario(name, { cwd: folder });
    expect(scenario.name).toBe(name);
    expect(compileScenario(scenario).rate).toBeGreaterThan(0);
  });

  it('fifty-thousand is a node of 500M × 40 at its peak, smoke is short and small', async () => {
    const large = compileScenario((await loadScenario('fifty-thousand')).scenario);
    expect(large).toMatchObject({ users: 50_000, phases: { steadyMs: 60_000 }, server: { durability: 'fsync' } });
    expect(large.rate).toBeCloseTo(41.667, 3);
    const smoke = compileScenario((await loadScenario('smoke')).scenario);
    expect(smoke.users).toBeLessThanOrEqual(2000);
    expect(smoke.phases.warmUpMs + smoke.phases.steadyMs + smoke.phases.drainMs).toBeLessThanOrEqual(15_000);
  });
});
