import { describe, expect, it } from 'vitest';
import { usageSentence } from './usage-sentence.ts';

const COMMANDS = ['run', 'serve', 'report', 'validate', 'compare'];
const MISSING = 'Not enough non-option arguments: got 0, need at least 1';
const ONE_OF_TWO = 'Not enough non-option arguments: got 1, need at least 2';

describe('what the parser finds wrong', () => {
  it.each<[string, string, string[], string]>([
    [
      'an unknown command',
      'Unknown argument: frob',
      ['frob'],
      'there is no command "frob"; the commands are: run, serve',
    ],
    ['a slip', 'Unknown arguments: rnu, smoke', ['rnu', 'smoke'], 'there is no command "rnu"; did you mean "run"? '],
    ['a command to come', 'Unknown arguments: capacity, x', ['capacity', 'x'], '"plimsoll capacity" is not there yet'],
    ['no scenario', MISSING, ['run'], 'say which scenario: a file, or one of: day, direct-messages'],
    ['one run to compare', ONE_OF_TWO, ['compare', 'nightly'], 'say which two runs: plimsoll compare <a> <b>'],
    ['anything else', 'Unknown argument: conections', ['run', 'smoke', '--conections'], 'Unknown argument: conections'],
    ['no command at all', 'Say which', ['--quiet'], 'Say which'],
  ])('%s', (_what, message, args, sentence) => {
    expect(usageSentence(message, args, COMMANDS)).toContain(sentence);
  });
});
