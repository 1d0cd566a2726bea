/** `plimsoll agent`: wait on a NATS server for runs, and take part in them. */
import { availableParallelism, hostname } from 'node:os';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { descriptorLimit } from '../coordinator/machine.ts';
import { agentFamilies } from '../exposition/agent-exposition.ts';
import { formatCount } from '../units.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { FLAGS, readMetricsPlace, readWhole } from './flags.ts';
import { openControlLine, openMetrics } from './wiring.ts';

const builder = (argv: Argv) =>
  argv
    .option('control', FLAGS.control)
    .option('agents', { ...FLAGS.agents, default: 1, describe: 'agents to offer, a process each; best one a core' })
    .option('once', { type: 'boolean', default: false, describe: 'end after one run; 0 if it was in order, else 1' })
    .option('metrics', FLAGS.metrics)
    .option('quiet', { ...FLAGS.quiet, describe: 'say nothing' })
    .example('$0 agent --control nats://10.0.0.5:4222', 'wait there for runs, one after another')
    .example('$0 agent --control nats://10.0.0.5:4222 --agents 8', 'eight agents, on a machine with eight cores')
    .example('$0 agent --control nats://10.0.0.5:4222 --metrics 0.0.0.0:9464', 'watched by Prometheus')
    .example('PLIMSOLL_CONTROL=tls://user:password@nats.lan:4222 $0 agent --once', 'secrets out of sight; one run')
    .epilogue(
      'plimsoll run <scenario> --control nats://… --agents 4 -t ws://… takes four that wait, from all machines alike.\n' +
        'Whoever may use that NATS server may give its agents work: keep it in a private network, or give it users.',
    );

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const agentCommand: CommandModule<object, Arguments> = {
  command: 'agent',
  describe: 'join a coordinator from another machine',
  builder,
  async handler(argv) {
    process.exitCode = await agent(argv);
  },
};

async function agent(argv: ArgumentsCamelCase<Arguments>): Promise<number> {
  if (argv.control === undefined) {
    throw new UsageError('say where the agent waits for runs: --control nats://host:4222, or set PLIMSOLL_CONTROL');
  }
  const count = readWhole('agents', argv.agents, 1, 1_000)!;
  const say = (text: string): void => {
    if (!argv.quiet) process.stderr.write(`${text}\n`);
  };
  const place = readMetricsPlace(argv.metrics);
  const line = await openControlLine(argv.control, `plimsoll agent on ${hostname()}`, say);
  const { AgentHost } = await import('../agent/agent-host.ts');
  const hosts = Array.from({ length: count }, (_, index) => {
    const label = count > 1 ? `agent ${index + 1}: ` : '';
    return new AgentHost({
      line,
      url: argv.control!,
      figures: place !== undefined,
      onNotice: (text) => say(`${label}${text}`),
    });
  });
  const facts = `${availableParallelism()} cores, ${formatCount(descriptorLimit())} descriptors`;
  say(`${count} agent(s) on ${hostname()} (${facts}) wait for runs on ${line.address}; Ctrl-C ends that`);

  const metrics = await openMetrics(place, () => agentFamilies(hosts.map(({ status }) => status)), say).catch(
    async (error: unknown) => {
      await line.close();
      throw error;
    },
  );
  const code = await new Promise<number>((resolve) => {
    const onSignal = (): void => {
      const busy = hosts.some((host) => host.busy);
      const closed = hosts.map((host) => host.close('was stopped by a signal on its machine'));
      void Promise.all(closed).then(() => resolve(busy ? EXIT.stoppedBySignal : EXIT.pass));
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    if (argv.once) void servedOnce(hosts).then((ok) => resolve(ok ? EXIT.pass : EXIT.other));
  });
  await metrics?.close();
  await line.close();
  return code;
}

/** Resolves when each has served a run: whether all of these ended in order. */
async function servedOnce(hosts: Array<{ onRunEnded: (ok: boolean) => void; close(how: string): Promise<void> }>) {
  const ends = hosts.map(
    (host) =>
      new Promise<boolean>((resolve) => {
        host.onRunEnded = (ok) => {
          // It takes no further run while the others are still at theirs.
          void host.close('').then(() => resolve(ok));
        };
      }),
  );
  return (await Promise.all(ends)).every((ok) => ok);
}
