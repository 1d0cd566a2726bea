/** Exit codes of the command line: k6's where k6 has one. */

import { LiveAddressError } from '../../reports/live/live-server.ts';
import { ResultsError } from '../../reports/results/results-store.ts';
import { ScenarioError } from '../../scenarios/scenario-schema.ts';
import { ControlServerError } from '../control/nats-line.ts';
import { AgentError } from '../coordinator/agent-error.ts';
import { NodeStartError } from '../coordinator/target-node.ts';
import { DriverModuleError } from '../drivers/driver-loader.ts';
import { FaultError } from '../faults/fault.ts';
import type { Verdict } from '../recorder/summary.ts';
import { ThresholdError } from '../recorder/thresholds.ts';

export const EXIT = {
  pass: 0,
  other: 1,
  inconclusive: 98,
  thresholdFailed: 99,
  badConfiguration: 104,
  stoppedBySignal: 105,
} as const;

/** A mistake on the command line or in what it names: one sentence, found before any load (104). */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}

export function exitCodeOfVerdict(verdict: Verdict): number {
  return { pass: EXIT.pass, fail: EXIT.thresholdFailed, inconclusive: EXIT.inconclusive }[verdict];
}

export function exitCodeOfError(error: unknown): number {
  if (error instanceof NodeStartError) return error.exitCode;
  if (error instanceof AgentError) return error.side === 'configuration' ? EXIT.badConfiguration : EXIT.other;
  if (error instanceof ResultsError) return error.code === 'failed' ? EXIT.other : EXIT.badConfiguration;
  const bad = [
    UsageError,
    ControlServerError,
    ScenarioError,
    ThresholdError,
    DriverModuleError,
    FaultError,
    LiveAddressError,
  ].some((kind) => error instanceof kind);
  return bad ? EXIT.badConfiguration : EXIT.other;
}
