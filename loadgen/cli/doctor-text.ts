/** A machine report for the terminal. */
import { formatCount } from '../units.ts';
import type { MachineCheck, MachineReport } from './doctor-checks.ts';

const MARKS: Record<MachineCheck['state'], { mark: string; colour: number }> = {
  ok: { mark: '✓', colour: 32 },
  warn: { mark: '!', colour: 33 },
  fail: { mark: '✗', colour: 31 },
};

/** Aligned lines: mark, name, value, meaning; the remedy under what is not ok; then what the machine can hold. */
export function renderMachineReport(report: MachineReport, options: { colour: boolean }): string {
  const nameWidth = Math.max(...report.checks.map(({ name }) => name.length));
  const valueWidth = Math.max(...report.checks.map(({ value }) => value.length));
  const lines = report.checks.flatMap(({ name, value, state, meaning, remedy }) => {
    const { mark, colour } = MARKS[state];
    const painted = options.colour ? `\u001b[${colour}m${mark}\u001b[0m` : mark;
    const line = `${painted} ${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${meaning}`;
    return remedy === null ? [line] : [line, `${' '.repeat(nameWidth + 4)}→ ${remedy}`];
  });
  const { largest, connections, processes } = report;
  const fits = connections <= largest.connections ? 'fit' : 'do not fit';
  return [
    ...lines,
    '',
    `Largest testable: ${formatCount(largest.connections)} connections with both ends here, bound by ${largest.name}.`,
    `${formatCount(connections)} connections ${fits}: ${processes.shards} shard and ${processes.agents} agent processes.`,
    '',
  ].join('\n');
}
