/** Commands of the system that faults are made with: `ip`, `tc`, `mount`. Short, so they are waited for. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { FaultError } from './fault.ts';

const TIMEOUT_MS = 10_000;

/** Returns what it printed. Throws FaultError with what it said. */
export function runCommand(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') throw new FaultError(`the command ${command} is not installed here`, { cause: error });
    const said = (stderr ?? '').trim().split('\n').at(-1) || (error as Error).message;
    throw new FaultError(`${[command, ...args].join(' ')} failed: ${said}`, { cause: error });
  }
}

/** For what may be gone already. */
export function tryCommand(command: string, ...args: string[]): boolean {
  try {
    runCommand(command, ...args);
    return true;
  } catch {
    return false;
  }
}

export const CAPABILITY = { netAdmin: 12, sysAdmin: 21 } as const;

/** Whether this process has the right, by capabilities(7); false on systems that have none. */
export function hasCapability(capability: number): boolean {
  try {
    const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(capability)) & 1n) === 1n;
  } catch {
    return false;
  }
}
