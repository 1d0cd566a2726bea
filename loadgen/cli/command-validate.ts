/** `plimsoll validate`: checks a scenario and says what load it comes to, without running it. */
import type { Argv, CommandModule } from 'yargs';
import { loadDriver, REFERENCE_DRIVER } from '../drivers/driver-loader.ts';
import { FaultError } from '../faults/fault.ts';
import { checkShards } from '../faults/fault-check.ts';
import { FaultSchedule } from '../faults/fault-schedule.ts';
import { compileScenario, type LoadPlan } from '../population/load-plan.ts';
import { loadScenario } from '../scenario-loader.ts';
import { formatCount, formatDuration, formatNumber } from '../units.ts';
import { readMachineFacts } from './doctor-facts.ts';
import { planProcesses } from './doctor-plan.ts';
import { FLAGS, readCount, readDuration, readRate } from './flags.ts';

const builder = (argv: Argv) =>
  argv
    .positional('scenario', {
      type: 'string',
      demandOption: true,
      describe: 'a scenario file, or the name of one that comes with Plimsoll',
    })
    .option('connections', FLAGS.connections)
    .option('duration', FLAGS.duration)
    .option('rate', FLAGS.rate)
    .option('driver', FLAGS.driver)
    .option('json', FLAGS.json)
    .example('$0 validate scenarios/fifty-thousand.ts', 'what it would do')
    .example('$0 validate fifty-thousand -c 100k', 'the same for twice the users');

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const validateCommand: CommandModule<object, Arguments> = {
  command: 'validate <scenario>',
  describe: 'check a scenario without running it',
  builder,
  async handler(argv) {
    const { scenario, path, samples } = await loadScenario(argv.scenario);
    const overrides = {
      connections: readCount('connections', argv.connections),
      durationMs: readDuration('duration', argv.duration),
      rate: readRate('rate', argv.rate),
    };
    const plan = compileScenario(scenario, overrides, samples);
    await loadDriver(argv.driver ?? plan.driver ?? REFERENCE_DRIVER);
    checkShards(plan.faults, plan.server.shards ?? planProcesses(plan.connections, readMachineFacts()).shards);
    process.stdout.write(argv.json ? `${JSON.stringify({ path, plan }, null, 2)}\n` : planText(path, plan));
  },
};

function planText(path: string, plan: LoadPlan): string {
  const { shards, agents } = planProcesses(plan.connections, readMachineFacts());
  const { warmUpMs, steadyMs, drainMs } = plan.phases;
  const deliveries = plan.rate * plan.fanOut;
  const ends = plan.endsWhenDone ? ' at most' : '';
  return [
    `${path} is a valid scenario.`,
    '',
    `  ${plan.name}: ${plan.description}`,
    `  asks        ${plan.question}`,
    `  bad sign    ${plan.badSign}`,
    '',
    ...plan.derivation.map((line, index) => `  ${index === 0 ? 'load      ' : '          '}  ${line}`),
    '',
    `  connections ${formatNumber(plan.connections)}${plan.devices > 1 ? ` (${formatNumber(plan.devices)} devices a user)` : ''}, ${formatNumber(plan.users)} users`,
    `  messages    ${formatNumber(plan.rate)}/s in the mean, ${formatNumber(plan.ratePeak)}/s at most, ${formatNumber(plan.bodyBytes)} bytes each (${formatNumber(plan.rate * plan.bodyBytes)} bytes/s)`,
    `  deliveries  ${formatNumber(deliveries)}/s, fan-out ${formatNumber(plan.fanOut)} (${formatNumber(deliveries * plan.bodyBytes)} bytes/s)`,
    ...plan.streams.map((stream) => `  stream      ${streamText(stream)}`),
    ...(plan.presenceContacts > 0
      ? [`  presence    every user watches ${formatNumber(plan.presenceContacts)} contacts`]
      : []),
    ...(plan.http
      ? httpText(plan.http).map((line, index) => `  ${index === 0 ? 'HTTP      ' : '          '}  ${line}`)
      : []),
    `  phases      connect, warm-up ${formatDuration(warmUpMs)}, steady${ends} ${formatDuration(steadyMs)}, drain at most ${formatDuration(drainMs)}`,
    ...plan.faults.map((fault) => `  fault       ${faultText(fault)}`),
    ...faultProblems(plan, plan.server.shards ?? shards).map((problem) => `  not here    ${problem}`),
    `  thresholds  ${plan.thresholds.map(({ metric, source }) => `${metric} ${source}`).join(', ') || 'none'}`,
    ...plan.remarks.map((remark) => `  mind        ${remark}`),
    `  on this machine: ${plan.server.shards ?? shards} shard process(es), ${plan.agents ?? agents} agent(s)`,
    '',
  ].join('\n');
}

function httpText({ rate, connections, requests }: NonNullable<LoadPlan['http']>): string[] {
  const weights = requests.reduce((sum, { weight }) => sum + weight, 0);
  return [
    `${formatNumber(rate)} calls/s by autocannon, over ${formatCount(Math.min(connections, rate))} connection(s), at least one for each process called`,
    ...requests.map(({ method, path, weight }) => `${formatNumber((rate * weight) / weights)}/s ${method} ${path}`),
  ];
}

function streamText({ name, executor, to, pace, startMs }: LoadPlan['streams'][number]): string {
  const paced = pace.model === 'open' ? `${pace.arrivals} arrivals` : 'closed: each waits for its acknowledgement';
  return `${name}: ${executor}, to ${to === 'user' ? 'a user' : 'a group'}, ${paced}${startMs > 0 ? `, from ${formatDuration(startMs)} on` : ''}`;
}

/** What this machine, or this process, can't do of it; with a node of the run's own, and all agents here. */
function faultProblems(plan: LoadPlan, shards: number): string[] {
  const { store } = plan.server;
  try {
    FaultSchedule.check(plan.faults, {
      embedded: true,
      localAgents: true,
      ownStore: store === null,
      store: store === 'memory:' ? 'memory' : 'level',
      connections: plan.connections,
      shards,
    });
    return [];
  } catch (error) {
    if (error instanceof FaultError) return [error.message];
    throw error;
  }
}

function faultText({ kind, at, ...rest }: LoadPlan['faults'][number]): string {
  const details = Object.entries(rest).map(([key, value]) =>
    ['for', 'delay', 'jitter'].includes(key) ? `${key} ${formatDuration(value)}` : `${key} ${value}`,
  );
  return [`${kind} at ${formatDuration(at)} of the steady phase`, ...details].join(', ');
}
