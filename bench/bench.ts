/**
 * `npm run bench -- [message-ceiling] [connect-rate] [fifty-thousand] [group-fanout] [generator-cost] [pacing] [recording-cost] [report-size] [--quick] [--clients 2] [--against DIR]`: measures what Plimsoll has to reach, side by side
 * with what it is compared with, and says of each figure whether it was. All benchmarks by default, about fifteen minutes.
 *
 * A missed target is printed and exits 0: a busy machine is no defect. Exits 1 when something broke, 104 on a wrong argument.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '../loadgen/coordinator/machine.ts';
import { openDataDirectory } from './bench-data.ts';
import type { BenchOptions, BenchResult } from './bench-run.ts';
import { measureConnectRate } from './connect-rate.ts';
import { measureFiftyThousand } from './fifty-thousand.ts';
import { isMet, tableOf } from './figure.ts';
import { measureGeneratorCost } from './generator-cost.ts';
import { measureGroupFanout } from './group-fanout.ts';
import { measureMessageCeiling } from './message-ceiling.ts';
import { measurePacing } from './pacing.ts';
import { nodeMain } from './processes.ts';
import { measureRecordingCost } from './recording-cost.ts';
import { measureReportSize } from './report-size.ts';

const BENCHMARKS: Record<string, (options: BenchOptions) => Promise<BenchResult>> = {
  'fifty-thousand': measureFiftyThousand,
  'message-ceiling': measureMessageCeiling,
  'connect-rate': measureConnectRate,
  'group-fanout': measureGroupFanout,
  'generator-cost': measureGeneratorCost,
  pacing: measurePacing,
  'recording-cost': measureRecordingCost,
  'report-size': measureReportSize,
};
const RESULT_PATH = join('.plimsoll', 'bench.json');
const CLIENTS_ALLOWED = ['1', '2'];
const EXIT_USAGE = 104;

const { names, quick, clients, against } = readArguments();
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
openDataDirectory();

const results: Record<string, BenchResult> = {};
try {
  for (const name of names) {
    console.log(`\n${name}`);
    results[name] = await BENCHMARKS[name]!({ quick, clients, against, say: (line) => console.log(`  ${line}`) });
  }
  report();
} catch (error) {
  console.error(`the benchmark broke: ${(error as Error).message}`);
  process.exitCode = 1;
}

function report(): void {
  const figures = Object.values(results).flatMap((result) => result.figures);
  const notes = Object.values(results).flatMap((result) => result.notes);
  const machine = describeMachine(true);
  const date = new Date().toISOString();
  console.log(`\n${tableOf(figures)}\n`);
  for (const note of notes) console.log(note);
  if (quick) console.log('A quick run: shows that the benchmarks work; its figures prove nothing.');
  const missed = figures.filter((figure) => isMet(figure) === false);
  if (missed.length > 0) console.log(`\nMISSED: ${missed.map(({ name }) => name).join('; ')}`);
  else console.log('\nEvery target was met.');
  console.log(
    `\n${date} · ${machine.cores} cores, ${machine.cpu}, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB · ` +
      `Node ${machine.node} · Linux ${machine.kernel} · both ends on this machine`,
  );
  mkdirSync('.plimsoll', { recursive: true });
  writeFileSync(RESULT_PATH, `${JSON.stringify({ date, quick, machine, results }, null, 2)}\n`);
  console.log(`also in ${RESULT_PATH}`);
}

function readArguments(): { names: string[]; quick: boolean; clients: number; against: string | null } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        clients: { type: 'string', default: '1' },
        against: { type: 'string' },
      },
    });
    const unknown = positionals.filter((name) => !Object.hasOwn(BENCHMARKS, name));
    const known = Object.keys(BENCHMARKS).join(', ');
    if (unknown.length > 0) throw new Error(`there is no benchmark ${unknown.join(', ')}; there are ${known}`);
    if (!CLIENTS_ALLOWED.includes(values.clients)) throw new Error(`--clients is 1 or 2, not ${values.clients}`);
    const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
    const against = values.against === undefined ? null : resolve(values.against);
    if (against !== null && !existsSync(nodeMain(against))) {
      throw new Error(`--against names a built checkout of Plimsoll, and there is no ${nodeMain(against)}`);
    }
    return { names, quick: values.quick, clients: Number(values.clients), against };
  } catch (error) {
    console.error((error as Error).message);
    process.exit(EXIT_USAGE);
  }
}
