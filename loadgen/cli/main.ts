/** The command line. Each command is a file of its own; here they are joined, and errors become one sentence and a code. */
import yargs, { type CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { PLIMSOLL_VERSION } from '../version.ts';
import { agentCommand } from './command-agent.ts';
import { compareCommand } from './command-compare.ts';
import { deadLettersCommand } from './command-dead-letters.ts';
import { doctorCommand } from './command-doctor.ts';
import { queryCommand } from './command-query.ts';
import { reportCommand } from './command-report.ts';
import { runCommand } from './command-run.ts';
import { runsCommand } from './command-runs.ts';
import { serveCommand } from './command-serve.ts';
import { validateCommand } from './command-validate.ts';
import { joinDashes } from './dashes.ts';
import { EXIT, exitCodeOfError, UsageError } from './exit-codes.ts';
import { environmentSlips } from './flags.ts';
import { joinLive } from './live-flag.ts';
import { usageSentence } from './usage-sentence.ts';

const commands = [
  runCommand,
  serveCommand,
  agentCommand,
  runsCommand,
  reportCommand,
  compareCommand,
  queryCommand,
  validateCommand,
  doctorCommand,
  deadLettersCommand,
];
const names = commands.map(({ command }) => String(command).split(' ')[0]!);
const args = hideBin(process.argv);

const parser = yargs(joinLive(joinDashes(args)))
  .scriptName('plimsoll')
  .usage('$0 <command>\n\nLoad testing and capacity simulation for chat servers.')
  .command(commands as CommandModule[])
  .demandCommand(1, 'Say which command; plimsoll --help lists them.')
  .strict()
  .parserConfiguration({ 'duplicate-arguments-array': false })
  .version(PLIMSOLL_VERSION)
  .alias('h', 'help')
  .wrap(Math.min(100, process.stdout.columns ?? 100))
  .exitProcess(false)
  .fail((message, error) => {
    // The parser's own errors, and what a flag's reader threw to it.
    if (error === undefined || error === null || error.name === 'YError')
      throw new UsageError(usageSentence(message, args, names));
    throw error;
  });

// Whoever reads only the beginning (`| head`) has what he wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? EXIT.pass);
});

for (const slip of environmentSlips(process.env)) process.stderr.write(`${slip}\n`);

try {
  await parser.parseAsync();
} catch (error) {
  const { message, stack } = error as Error;
  process.stderr.write(`${message}\n`);
  const code = exitCodeOfError(error);
  // An error that nobody foresaw: its place helps whoever mends it.
  if (code === EXIT.other && process.env.PLIMSOLL_DEBUG) process.stderr.write(`${stack}\n`);
  process.exitCode = code;
}
