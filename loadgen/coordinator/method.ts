/** The limits of Plimsoll's method that verdicts go by. */

export const METHOD = {
  achievedShare: 0.99,
  agentCpuCores: 0.85,
  agentCpuShareOfSeconds: 0.1,
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
