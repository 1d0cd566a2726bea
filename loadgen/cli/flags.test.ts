import { afterEach, describe, expect, it, vi } from 'vitest';
import yargs from 'yargs';
import { environmentSlips, withEnvironment } from './flags.ts';

afterEach(() => vi.unstubAllEnvs());

function parse(args: string[]): number | undefined {
  const flags = withEnvironment({ agents: { type: 'number', describe: 'd' } } as const);
  const parser = yargs(args)
    .options(flags)
    .exitProcess(false)
    .fail((message) => {
      throw new Error(message);
    });
  return parser.parseSync().agents;
}

describe('a flag that is a number', () => {
  it('is read from the environment, and the flag goes first', () => {
    expect(parse([])).toBeUndefined();
    vi.stubEnv('PLIMSOLL_AGENTS', '3');
    expect(parse([])).toBe(3);
    expect(parse(['--agents', '4'])).toBe(4);
  });

  it('names what was written where it is none', () => {
    expect(() => parse(['--agents', 'abc'])).toThrow('--agents must be a number, not "abc"');
    expect(() => parse(['--agents'])).toThrow('--agents must be a number, not ""');
    vi.stubEnv('PLIMSOLL_AGENTS', 'x');
    expect(() => parse([])).toThrow('PLIMSOLL_AGENTS must be a number, not "x"');
    expect(parse(['--agents', '4'])).toBe(4);
  });
});

it('a variable that is nearly one of Plimsoll’s is said, others are not', () => {
  const environment = { PLIMSOLL_CONECTIONS: '5', PLIMSOLL_SEED: '1', PLIMSOLL_SOMETHING_ELSE: 'x', HOME: '/' };
  expect(environmentSlips(environment)).toEqual([
    'PLIMSOLL_CONECTIONS is not read; did you mean PLIMSOLL_CONNECTIONS?',
  ]);
});
