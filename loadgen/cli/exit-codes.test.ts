import { describe, expect, it } from 'vitest';
import { ResultsError } from '../../reports/results/results-store.ts';
import { ScenarioError } from '../../scenarios/scenario-schema.ts';
import { AgentError } from '../coordinator/agent-error.ts';
import { NodeStartError } from '../coordinator/target-node.ts';
import { exitCodeOfError, exitCodeOfVerdict, UsageError } from './exit-codes.ts';

describe('exit codes', () => {
  it('follow the verdict', () => {
    expect(exitCodeOfVerdict('pass')).toBe(0);
    expect(exitCodeOfVerdict('inconclusive')).toBe(98);
    expect(exitCodeOfVerdict('fail')).toBe(99);
  });

  it.each<[string, Error, number]>([
    ['a mistake on the command line', new UsageError('x'), 104],
    ['a wrong scenario', new ScenarioError('x'), 104],
    ['a results directory in use', new ResultsError('locked', 'x'), 104],
    ['a results store that failed', new ResultsError('failed', 'x'), 1],
    ['a node that can not start as configured', new NodeStartError('x', 104), 104],
    ['a node that died', new NodeStartError('x', 1), 1],
    ['agents of two versions', new AgentError('configuration', 'x'), 104],
    ['a target that does not answer', new AgentError('server', 'x'), 1],
    ['what nobody foresaw', new TypeError('x'), 1],
  ])('say what kind of error it was: %s', (_what, error, code) => {
    expect(exitCodeOfError(error)).toBe(code);
  });
});
