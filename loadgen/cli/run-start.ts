/** What is kept of a run from its beginning on: what was asked for, of what, and on which machine. */
import type { RunStart } from '../../reports/results/results-store.ts';
import { withoutSecrets } from '../control/nats-line.ts';
import { describeMachine } from '../coordinator/machine.ts';
import type { RunSettings } from './run-settings.ts';

export function runStart(
  { runId, startedAtMs, name, tags, loaded, plan, target }: RunSettings,
  command: string,
): RunStart {
  return {
    runId,
    name,
    tags,
    startedAtMs,
    scenario: plan.name,
    scenarioText: loaded.text,
    command,
    seed: plan.seed,
    config: { ...plan, thresholds: plan.thresholds.map(({ metric, source }) => ({ metric, threshold: source })) },
    environment: describeMachine(target === null),
  };
}

/** `args` as they were typed, but for secrets: it is kept and shown. */
export function commandLine(args: readonly string[]): string {
  const shown = args.map((arg, index) => {
    if (args[index - 1] === SECRET) return '…';
    return quote(arg.startsWith(`${SECRET}=`) ? `${SECRET}=…` : withoutSecrets(arg));
  });
  return `plimsoll ${shown.join(' ')}`;
}

const SECRET = '--auth-secret';

/** An argument as a shell would need it. */
function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
