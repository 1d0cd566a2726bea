/** The limits of Plimsoll's method that verdicts go by. */

export const METHOD = {
  achievedShare: 0.99,
  agentCpuCores: 0.85,
  agentCpuShareOfSeconds: 0.1,
  /** An agent that uses less than that was not late for its own work. */
  agentIdleCores: 0.5,
  /** Shares of a machine’s cores: it is full, others took a part of it, a hypervisor did. */
  machineFullShare: 0.9,
  machineOthersShare: 0.2,
  machineStolenShare: 0.05,
  generatorShareOfObjective: 0.05,
  clockShareOfObjective: 0.1,
  backlogToleranceShareOfRate: 0.005,
  memoryGrowthPerMinuteShare: 0.1,
  memoryGrowthPerMinuteBytes: 64 * 1024 * 1024,
} as const;

/** Where no threshold names a latency. */
export const DEFAULT_OBJECTIVE_MS = 100;

/** As verdicts write a figure: four significant digits. */
export function round(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}
