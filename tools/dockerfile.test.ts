/** The Dockerfile says what the project has, and keeps to what makes an image small, repeatable and harmless. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Instruction, inherited, parseCommand, ROOT, readStages, readText } from './container-files.ts';

const stages = readStages();
const RUNTIMES = ['cli', 'node', 'agent', 'full'];

function last(instructions: Instruction[], name: string): string {
  return instructions.filter((instruction) => instruction.name === name).at(-1)?.text ?? '';
}

/** `["a", "b"]` */
function words(text: string): string[] {
  return JSON.parse(text) as string[];
}

describe('the Dockerfile', () => {
  it('has a stage that builds and four to choose from, the last of them with everything', () => {
    expect(stages.map(({ name }) => name)).toEqual(['build', ...RUNTIMES]);
  });

  it('builds on an exact version of a glibc image, of a Node that Plimsoll runs on', () => {
    for (const { from } of stages.filter((stage) => !stages.some(({ name }) => name === stage.from))) {
      const [, major, minor] = /^node:(\d+)\.(\d+)\.\d+-(?:bookworm|trixie)-slim$/.exec(from) ?? [];
      expect([20, 22], from).toContain(Number(major));
      expect(Number(minor), from).toBeGreaterThanOrEqual(Number(major) === 20 ? 19 : 12);
    }
  });

  it('installs what the lock file says, and leaves what only the build needs behind', () => {
    const runs = stages.flatMap(({ instructions }) => instructions).filter(({ name }) => name === 'RUN');
    const text = runs.map((run) => run.text).join('\n');
    expect(text).toContain('npm ci --ignore-scripts');
    expect(text).toContain('npm prune --omit=dev --ignore-scripts');
    expect(text).not.toMatch(/npm (install|i) |curl|wget/);
  });

  it('copies what is there, and what .dockerignore lets through', () => {
    const allowed = readText('.dockerignore').matchAll(/^!(.+)$/gm);
    const through = [...allowed].map(([, path]) => path!);
    const copies = stages.flatMap(({ instructions }) => instructions).filter(({ name }) => name === 'COPY');
    const paths = copies
      .filter(({ text }) => !text.startsWith('--from='))
      .flatMap(({ text }) => text.split(' ').slice(0, -1));
    expect(paths.length).toBeGreaterThan(8);
    for (const path of paths) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
      expect(through, path).toContain(path);
    }
    expect([...through].sort()).toEqual([...new Set(paths)].sort());
  });

  it('copies every folder that the command imports from', () => {
    const build = stages.find(({ name }) => name === 'build')!;
    const folders = build.instructions.filter(({ name }) => name === 'COPY').map(({ text }) => text.split(' ')[0]);
    expect(folders).toEqual(expect.arrayContaining(['server', 'loadgen', 'scenarios', 'reports']));
  });

  it.each(RUNTIMES)('%s runs as an ordinary user and is told signals directly', (target) => {
    const instructions = inherited(stages, target);
    expect(last(instructions, 'USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    // A shell in between would keep signals to itself.
    expect(words(last(instructions, 'ENTRYPOINT'))).toEqual(['plimsoll']);
    expect(last(instructions, 'LABEL')).toContain('org.opencontainers.image.version');
  });

  it.each(['node', 'agent'])('%s looks after its health with a script that is in it', (target) => {
    const [, check] = /CMD (\[.*\])/.exec(last(inherited(stages, target), 'HEALTHCHECK')) ?? [];
    expect(words(check!)).toEqual(['node', '/opt/plimsoll/deploy/healthcheck.mjs', target]);
    const copied = inherited(stages, target).some(({ text }) => text.includes('/src/deploy/healthcheck.mjs deploy/'));
    expect(copied && last(inherited(stages, target), 'COPY') !== '').toBe(true);
  });

  it('starts commands that Plimsoll has', () => {
    const node = parseCommand(words(last(inherited(stages, 'node'), 'CMD')), { PLIMSOLL_AUTH_SECRET: 'a' });
    expect(node).toMatchObject({ _: ['serve'], host: '0.0.0.0', shardPort: 4601, data: '/var/lib/plimsoll' });
    expect(last(inherited(stages, 'node'), 'VOLUME')).toBe('["/var/lib/plimsoll"]');
    expect(parseCommand(words(last(inherited(stages, 'agent'), 'CMD')))).toMatchObject({ _: ['agent'] });
    expect(() => parseCommand(['serve', '--hots', '0.0.0.0'])).toThrow(/hots/);
  });
});
