/** `plimsoll validate`: checks a scenario and says what load it comes to, without running it. */
import type { Argv, CommandModule } from 'yargs';
import { compileScenario, type LoadPlan } from '../population/load-plan.ts';
import { loadScenario } from '../scenario-loader.ts';
import { formatDuration, formatNumber } from '../units.ts';
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
    .option('json', FLAGS.json)
    .example('$0 validate scenarios/fifty-thousand.ts', 'what it would do')
    .example('$0 validate fifty-thousand -c 100k', 'the same for twice the users');

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const validateCommand: CommandModule<object, Arguments> = {
  command: 'validate <scenario>',
  describe: 'check a scenario without running it',
  builder,
  async handler(argv) {
    const { scenario, path } = await loadScenario(argv.scenario);
    const plan = compileScenario(scenario, {
      connections: readCount('connections', argv.connections),
      durationMs: readDuration('duration', argv.duration),
      rate: readRate('rate', argv.rate),
    });
    process.stdout.write(argv.json ? `${JSON.stringify({ path, plan }, null, 2)}\n` : planText(path, plan));
  },
};

function planText(path: string, plan: LoadPlan): string {
  const { shards, agents } = planProcesses(plan.connections, readMachineFacts());
  const { warmUpMs, steadyMs, drainMs } = plan.phases;
  return [
    `${path} is a valid scenario.`,
    '',
    `  ${plan.name}: ${plan.description}`,
    `  asks        ${plan.question}`,
    `  bad sign    ${plan.badSign}`,
    '',
    ...plan.derivation.map((line, index) => `  ${index === 0 ? 'load      ' : '          '}  ${line}`),
    '',
    `  connections ${formatNumber(plan.connections)}`,
    `  messages    ${formatNumber(plan.rate)}/s, ${plan.arrivals} arrivals, ${plan.bodyBytes} bytes each (${formatNumber(plan.rate * plan.bodyBytes)} bytes/s)`,
    `  deliveries  ${formatNumber(plan.rate)}/s, one recipient a message`,
    `  phases      connect, warm-up ${formatDuration(warmUpMs)}, steady ${formatDuration(steadyMs)}, drain at most ${formatDuration(drainMs)}`,
    `  thresholds  ${plan.thresholds.map(({ metric, source }) => `${metric} ${source}`).join(', ') || 'none'}`,
    `  on this machine: ${plan.server.shards ?? shards} shard process(es), ${plan.agents ?? agents} agent(s)`,
    '',
  ].join('\n');
}
