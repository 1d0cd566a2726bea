/** `plimsoll doctor`: what this machine allows, and how to raise it; with --ceiling also what the generator itself reaches. */
import type { Argv, CommandModule } from 'yargs';
import { realClock } from '../clock.ts';
import { type Ceiling, measureCeiling } from '../null-server/ceiling.ts';
import { formatCount, parseCount } from '../units.ts';
import { CEILING_FILE, writeCeiling } from './ceiling-file.ts';
import { CONNECTIONS_DEFAULT, checkMachine } from './doctor-checks.ts';
import { type MachineFacts, readMachineFacts } from './doctor-facts.ts';
import { connectionsPerProcess, usableCores } from './doctor-plan.ts';
import { renderMachineReport } from './doctor-text.ts';
import { EXIT } from './exit-codes.ts';
import { FLAGS, readCount, wantsColour } from './flags.ts';
import { localAgents } from './wiring.ts';

const builder = (argv: Argv) =>
  argv
    .option('connections', {
      ...FLAGS.connections,
      default: String(CONNECTIONS_DEFAULT),
      describe: 'how many connections are wanted',
    })
    .option('ceiling', {
      type: 'boolean',
      default: false,
      describe: `also measure what the generator itself reaches here, half a minute of full load, for later runs to be held against`,
    })
    .option('color', FLAGS.color)
    .option('json', FLAGS.json)
    .example('$0 doctor', 'is this machine good for 50,000 connections?')
    .example('$0 doctor -c 1M', '… and for a million?')
    .example('$0 doctor --ceiling', 'how many messages/s could the generator make, if the server cost nothing?');

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const doctorCommand: CommandModule<object, Arguments> = {
  command: 'doctor',
  describe: 'what this machine allows, and how to raise it',
  builder,
  async handler(argv) {
    const facts = readMachineFacts(process.cwd());
    const report = checkMachine(facts, readCount('connections', argv.connections) ?? parseCount(CONNECTIONS_DEFAULT));
    if (!argv.json) print(renderMachineReport(report, { colour: wantsColour(argv.color, process.stdout) }));
    const ceiling = argv.ceiling ? await ceilingHere(facts) : undefined;
    if (ceiling === null) {
      process.stderr.write('stopped: the ceiling is not measured, and nothing new is kept\n');
      process.exitCode = EXIT.stoppedBySignal;
      return;
    }
    if (argv.json) print(JSON.stringify({ ...report, ceiling }, null, 2));
    else if (ceiling !== undefined) print(renderCeiling(ceiling));
    if (report.connections > report.largest.connections) process.exitCode = EXIT.inconclusive;
  },
};

/** A pair of agent and null server for every two cores. Kept for later runs in this folder. Null: a signal came before its end. */
async function ceilingHere(facts: MachineFacts): Promise<Ceiling | null> {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.stoppedBySignal);
    stop.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const ceiling = await measureCeiling({
      agents: Math.max(1, Math.floor(usableCores(facts) / 2)),
      connectionsPerAgentMax: connectionsPerProcess(facts),
      startAgent: localAgents(1).agent,
      clock: realClock,
      onNotice: (text) => process.stderr.write(`${text}\n`),
      signal: stop.signal,
    });
    writeCeiling(ceiling);
    return ceiling;
  } catch (error) {
    // What breaks after the signal breaks because of it.
    if (stop.signal.aborted) return null;
    throw error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function renderCeiling({ agents, connections, messagesPerSecond, connectionsPerSecond }: Ceiling): string {
  const processes = `${agents} agent process${agents === 1 ? '' : 'es'}`;
  return [
    `The generator's own ceiling, ${processes} against a server that does nothing but answer:`,
    `  ${formatCount(messagesPerSecond)} messages/s over ${formatCount(connections)} connections, each acknowledged, received and receipted`,
    `  ${formatCount(connectionsPerSecond)} connections/s opened`,
    `Kept in ${CEILING_FILE}; "plimsoll run" in this folder names it beside its result.`,
  ].join('\n');
}

function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}
