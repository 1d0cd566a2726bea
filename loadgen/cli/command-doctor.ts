/** `plimsoll doctor`: what this machine allows, and how to raise it. */
import type { Argv, CommandModule } from 'yargs';
import { parseCount } from '../units.ts';
import { CONNECTIONS_DEFAULT, checkMachine } from './doctor-checks.ts';
import { readMachineFacts } from './doctor-facts.ts';
import { renderMachineReport } from './doctor-text.ts';
import { EXIT } from './exit-codes.ts';
import { FLAGS, readCount, wantsColour } from './flags.ts';

const builder = (argv: Argv) =>
  argv
    .option('connections', {
      ...FLAGS.connections,
      default: String(CONNECTIONS_DEFAULT),
      describe: 'how many connections are wanted',
    })
    .option('color', FLAGS.color)
    .option('json', FLAGS.json)
    .example('$0 doctor', 'is this machine good for 50,000 connections?')
    .example('$0 doctor -c 1M', '… and for a million?');

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const doctorCommand: CommandModule<object, Arguments> = {
  command: 'doctor',
  describe: 'what this machine allows, and how to raise it',
  builder,
  handler(argv) {
    const report = checkMachine(
      readMachineFacts(process.cwd()),
      readCount('connections', argv.connections) ?? parseCount(CONNECTIONS_DEFAULT),
    );
    const text = argv.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : renderMachineReport(report, { colour: wantsColour(argv.color, process.stdout) });
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    if (report.connections > report.largest.connections) process.exitCode = EXIT.inconclusive;
  },
};
