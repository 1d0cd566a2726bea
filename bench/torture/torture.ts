/**
 * `npm run torture -- [crash] [fuzz] [model] [--kills 100] [--frames 1000000] [--histories 10000] [--seed n] [--quick]`: tries to make
 * the messenger break its word, by all three means by default, and says plainly whether it did.
 *
 * Exits 0 when every promise held, 1 when one was broken or the test itself could not be run, 104 on a wrong argument.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CrashResult, crashTest } from './crash.ts';
import { fuzzCodec } from './fuzz-codec.ts';
import { fuzzShard } from './fuzz-shard.ts';
import { playHistories } from './model.ts';

interface TortureOptions {
  seed: number;
  kills: number;
  frames: number;
  histories: number;
}

const PARTS: Record<string, (options: TortureOptions) => Promise<boolean>> = { model, fuzz, crash };
const DEFAULTS = { kills: 100, frames: 1_000_000, histories: 10_000 };
const QUICK = { kills: 5, frames: 20_000, histories: 300 };
/** Of the frames, so many go to the codec alone and the rest to a live node. */
const CODEC_SHARE = 0.4;
const EXIT_USAGE = 104;
const FOLDER = join('.plimsoll', 'torture-data');

const { names, options } = readArguments();
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
console.log(`seed ${options.seed}; the same again: ${replay(names)}`);
const broken: string[] = [];
for (const name of names) {
  console.log(`\n${name}`);
  try {
    if (!(await PARTS[name]!(options))) broken.push(name);
  } catch (error) {
    broken.push(name);
    console.log(`  BROKEN  the test could not be finished: ${(error as Error).message}`);
  }
}
console.log(
  broken.length === 0 ? '\nEvery promise held.' : `\nBROKEN: ${broken.join(', ')}. The same again: ${replay(broken)}`,
);
process.exit(broken.length === 0 ? 0 : 1);

async function crash({ seed, kills }: TortureOptions): Promise<boolean> {
  const common = { folder: FOLDER, say };
  const killed = await crashTest({ ...common, seed, kills, durability: 'fsync', powerCuts: false });
  const held = reportCrash('kill -9', killed);
  const cuts = Math.ceil(kills / 4);
  const cut = await crashTest({ ...common, seed, kills: cuts, durability: 'fsync', powerCuts: true });
  const survived = reportCrash('power cuts, --durability fsync', cut);
  const control = await crashTest({
    ...common,
    seed,
    kills: Math.max(3, Math.ceil(kills / 20)),
    durability: 'os',
    powerCuts: true,
  });
  return held && survived && reportControl(control);
}

async function fuzz({ seed, frames }: TortureOptions): Promise<boolean> {
  const started = performance.now();
  const codec = fuzzCodec(seed, Math.round(frames * CODEC_SHARE));
  const seconds = (performance.now() - started) / 1_000;
  verdict(
    codec.problems.length === 0,
    `codec: ${codec.frames} frames in ${seconds.toFixed(0)} s, ${codec.accepted} inputs decoded, ${codec.refused} refused with a FrameError`,
  );
  for (const problem of codec.problems) say(problem);

  const shard = await fuzzShard({ seed, frames: frames - codec.frames, folder: FOLDER, say });
  const { witnesses, memoryMb } = shard;
  const ends = Object.entries(shard.ends).map(([end, count]) => `${end} ${count}`);
  verdict(
    shard.problems.length === 0,
    `live node: ${shard.frames} frames on ${shard.connections} connections in ${shard.seconds.toFixed(0)} s (${ends.join(', ')}); ` +
      `memory of the shards ${memoryMb.warm} MB warm, ${memoryMb.end} MB at the end`,
  );
  say(
    `meanwhile ${witnesses.messages} messages of undisturbed users, ${witnesses.reconnects} connections lost; ` +
      `answered in ${witnesses.p50Ms} ms (p50), ${witnesses.p99Ms} ms (p99), ${witnesses.mostMs} ms (most)`,
  );
  for (const problem of shard.problems) say(problem);
  return codec.problems.length + shard.problems.length === 0;
}

async function model({ seed, histories }: TortureOptions): Promise<boolean> {
  const result = await playHistories(seed, histories, say);
  verdict(
    result.failures.length === 0,
    `${result.histories} random histories in ${result.seconds.toFixed(0)} s, ${result.historiesPerSecond.toFixed(0)} a second`,
  );
  for (const failure of result.failures) console.log(failure);
  return result.failures.length === 0;
}

function reportCrash(name: string, result: CrashResult): boolean {
  const held = Object.keys(result.problems).length === 0;
  const count = (kind: string): number => result.problems[kind] ?? 0;
  verdict(
    held,
    `${name}: ${result.kills} in ${result.seconds.toFixed(0)} s; ${result.acknowledged} messages acknowledged (${result.groupMessages} to groups): ` +
      `${count('lost')} lost, ${count('duplicated')} duplicated, ${count('reordered')} out of order`,
  );
  say(`${result.entries} timeline entries, ${result.reconnects} reconnects, refusals: ${result.refusals}`);
  if (result.bytesLost > 0) say(`${result.bytesLost} bytes that were never synced were cut off`);
  if (!held) reportProblems(result);
  return held;
}

/** Without syncs, power cuts lose messages: a checker that does not see it is worth nothing. */
function reportControl(result: CrashResult): boolean {
  const lost = result.problems.lost ?? 0;
  verdict(
    lost > 0,
    `the checker's own test: ${result.kills} power cuts with --durability os, which promises nothing then: ` +
      (lost > 0 ? `it finds the ${lost} losses` : 'it should find losses and finds none'),
  );
  return lost > 0;
}

function reportProblems({ problems, examples, directory }: CrashResult): void {
  for (const [kind, count] of Object.entries(problems)) say(`${kind}: ${count}`);
  for (const { kind, text } of examples) say(`${kind}: ${text}`);
  if (directory !== null) say(`the data are kept in ${directory}`);
}

function verdict(held: boolean, text: string): void {
  console.log(`  ${held ? 'HELD  ' : 'BROKEN'}  ${text}`);
}

function say(line: string): void {
  console.log(`          ${line}`);
}

function replay(parts: string[]): string {
  const { seed, kills, frames, histories } = options;
  return `npm run torture -- ${parts.join(' ')} --seed ${seed} --kills ${kills} --frames ${frames} --histories ${histories}`;
}

function readArguments(): { names: string[]; options: TortureOptions } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        kills: { type: 'string' },
        frames: { type: 'string' },
        histories: { type: 'string' },
        seed: { type: 'string' },
        quick: { type: 'boolean', default: false },
      },
    });
    const unknown = positionals.filter((name) => !Object.hasOwn(PARTS, name));
    if (unknown.length > 0)
      throw new Error(`there is no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);
    const defaults = values.quick ? QUICK : DEFAULTS;
    const whole = (name: 'kills' | 'frames' | 'histories' | 'seed', otherwise: number): number => {
      const text = values[name];
      if (text === undefined) return otherwise;
      if (!/^\d{1,9}$/.test(text) || (Number(text) < 1 && name !== 'seed'))
        throw new Error(`--${name} is a whole number from ${name === 'seed' ? 0 : 1} to 999999999, not "${text}"`);
      return Number(text);
    };
    return {
      names: positionals.length > 0 ? [...new Set(positionals)] : Object.keys(PARTS),
      options: {
        seed: whole('seed', Date.now() % 1_000_000_000),
        kills: whole('kills', defaults.kills),
        frames: whole('frames', defaults.frames),
        histories: whole('histories', defaults.histories),
      },
    };
  } catch (error) {
    console.error((error as Error).message);
    process.exit(EXIT_USAGE);
  }
}
