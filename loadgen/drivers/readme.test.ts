/** The driver of the README, in a project of its own: it passes the built contract suite, and mistakes in it do not. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const PROJECT = resolve(import.meta.dirname, '..', '..');
const TIMEOUT = 60_000;

/** Mistakes that are easily made, as changes to the driver; and the test that finds each. */
const MISTAKES: Array<[name: string, right: string, wrong: string, finds: RegExp]> = [
  [
    'twice',
    'events.sent(connection, d.ref);',
    'events.sent(connection, d.ref), events.sent(connection, d.ref);',
    /acknowledged once/,
  ],
  ['late', "if (state === 'ended') return;", '', /after the agent closed the connection/],
  ['quiet', 'events.closed(connection, code, String(reason), true);', '', /that the server ends is reported once/],
  ['text', ".toString('base64')", '.toString()', /arrive in order, whole/],
  ['plain', "new DriverError('server', `nobody", 'new Error(`nobody', /not there is the server’s fault/],
];

let folder: string;
let results: Map<string, Array<{ title: string; status: string }>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-driver-'));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const link = (name: string, to: string): void => symlinkSync(to, join(folder, 'node_modules', name));
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  link('plimsoll', PROJECT);
  for (const name of ['vitest', 'ws', '@types/ws', '@types/node']) link(name, join(PROJECT, 'node_modules', name));

  const [driver, test] = [block('my-driver.ts'), block('my-driver.test.ts')];
  const server = join(PROJECT, 'loadgen', 'testing', 'tiny-chat.ts');
  write('package.json', '{ "type": "module" }');
  write('my-server.ts', `export { startTinyChat as startMyServer } from '${server}';`);
  write('my-driver.ts', driver);
  write('my-driver.test.ts', test);
  for (const [name, right, wrong] of MISTAKES) {
    expect(driver).toContain(right);
    write(`${name}.ts`, driver.replace(right, wrong));
    write(
      `${name}.test.ts`,
      test.replace('./my-driver.ts', `./${name}.ts`).replace(/\}\);\n$/, '}, { waitMs: 500 });'),
    );
  }
  results = await runTests();
}, TIMEOUT);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the driver of the README passes', () => {
  const tests = results.get('my-driver.test.ts')!;
  expect(tests.filter(({ status }) => status === 'failed')).toEqual([]);
  expect(tests.filter(({ status }) => status === 'passed').length).toBeGreaterThanOrEqual(6);
});

it('and fits the types', { timeout: TIMEOUT }, async () => {
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--types',
    'node',
    '--skipLibCheck',
  ];
  const tsc = join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc');
  expect(await run([tsc, ...options, 'my-driver.ts'])).toBe('');
});

it.each(MISTAKES)('the suite finds the mistake "%s"', (name, _right, _wrong, finds) => {
  const failed = results.get(`${name}.test.ts`)!.filter(({ status }) => status === 'failed');
  expect(failed.map(({ title }) => title)).toContainEqual(expect.stringMatching(finds));
});

/** The block of the README that begins with this comment. */
function block(name: string): string {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const text = new RegExp(`\`\`\`ts\n// ${name}\n(.*?)\`\`\``, 's').exec(readme)?.[1];
  if (text === undefined) throw new Error(`the README has no block of code "${name}"`);
  return text;
}

async function runTests(): Promise<typeof results> {
  const vitest = join(PROJECT, 'node_modules', 'vitest', 'vitest.mjs');
  const report = JSON.parse(await run([vitest, 'run', '--root', folder, '--reporter=json'])) as {
    testResults: Array<{ name: string; assertionResults: Array<{ title: string; status: string }> }>;
  };
  return new Map(report.testResults.map(({ name, assertionResults }) => [name.split('/').at(-1)!, assertionResults]));
}

/** What a Node program writes, run in the folder. */
function run(args: string[]): Promise<string> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      args,
      { cwd: folder, env: { ...process.env, NODE_OPTIONS: '' }, maxBuffer: 2 ** 24 },
      (_error, stdout) => done(stdout),
    );
  });
}
