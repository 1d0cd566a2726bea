/** What the argument parser finds wrong, in a sentence that says what to do. */
import { closestName } from '../closest-name.ts';
import { knownScenarios } from '../scenario-loader.ts';

/** Commands that are to come. */
const TO_COME = ['capacity', 'plan', 'simulate'];

/**
 * @param message the parser's own
 * @param args as they were typed
 * @param commands names of all commands there are
 */
export function usageSentence(message: string, args: readonly string[], commands: readonly string[]): string {
  const command = args.find((arg) => !arg.startsWith('-'));
  if (command === undefined) return message;
  if (TO_COME.includes(command)) return `"plimsoll ${command}" is not there yet in this version`;
  if (!commands.includes(command)) {
    const meant = closestName(command, commands);
    const hint = meant === undefined ? '' : `did you mean "${meant}"? `;
    return `there is no command "${command}"; ${hint}the commands are: ${commands.join(', ')}`;
  }
  if (message.startsWith('Not enough non-option arguments') && command === 'compare')
    return 'say which two runs: plimsoll compare <a> <b>; plimsoll runs lists them';
  if (message.startsWith('Not enough non-option arguments') && ['run', 'validate'].includes(command))
    return `say which scenario: a file, or one of: ${knownScenarios().join(', ')}`;
  return message;
}
