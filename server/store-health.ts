/** How the stores of a process are, for health, statistics and metrics: one answer for all its volumes. */
import type { Volume } from './messenger/volume.ts';
import type { CircuitState } from './store/group-commit.ts';

export interface StoreHealth {
  /** The worst of the volumes: `open` while a store does not take messages, `half-open` while it is tried again. */
  circuit: CircuitState;
  /** How long the circuit has not been closed. */
  troubleSeconds: number;
  /** Bytes that wait for a store. */
  waitingBytes: number;
  /** Messages in the dead-letter log that neither the store nor a replay has taken; and all written since the start. */
  deadLettersOpen: number;
  deadLettersWritten: number;
  /** The newest trouble in one sentence, also when it is over; null: none since the start. */
  lastError: string | null;
}

const WORSE: readonly CircuitState[] = ['closed', 'half-open', 'open'];

export function storeHealth(volumes: Iterable<Volume>): StoreHealth {
  const health: StoreHealth = {
    circuit: 'closed',
    troubleSeconds: 0,
    waitingBytes: 0,
    deadLettersOpen: 0,
    deadLettersWritten: 0,
    lastError: null,
  };
  for (const { commit, givenUp } of volumes) {
    if (WORSE.indexOf(commit.state) > WORSE.indexOf(health.circuit)) health.circuit = commit.state;
    health.troubleSeconds = Math.max(health.troubleSeconds, commit.troubleMs / 1_000);
    health.waitingBytes += commit.waitingBytes;
    health.deadLettersOpen += givenUp.openLetters;
    health.deadLettersWritten += givenUp.letters;
    health.lastError = commit.lastError?.message ?? health.lastError;
  }
  return health;
}

/** 0, 1 or 2, from closed to open. */
export function circuitNumber(circuit: CircuitState): number {
  return WORSE.indexOf(circuit);
}
