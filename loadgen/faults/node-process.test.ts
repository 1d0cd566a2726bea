import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { findShard, processOf, signalProcess } from './node-process.ts';

let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill('SIGKILL');
});

async function startChild(): Promise<number> {
  child = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1e6)']);
  await new Promise((resolve) => child!.stdout!.once('data', resolve));
  return child.pid!;
}

function stateOf(pid: number): string {
  return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))![1]!;
}

it('a process of the node is found, stopped and continued', async () => {
  const pid = await startChild();
  const found = await findShard({ pid: process.pid, shardPid: async () => pid }, 0);
  expect(signalProcess(found, 'SIGSTOP')).toBe(true);
  await expect.poll(() => stateOf(pid)).toBe('T');
  expect(signalProcess(found, 'SIGCONT')).toBe(true);
  await expect.poll(() => stateOf(pid)).not.toBe('T');
});

it('one that does not descend from the node is left alone', async () => {
  const pid = await startChild();
  const stranger = { pid, shardPid: async () => process.pid };
  await expect(findShard(stranger, 3)).rejects.toThrow(
    `process ${process.pid}, which should be shard 3, is not one of the node's`,
  );
  await expect(findShard({ pid: process.pid, shardPid: async () => null }, 3)).rejects.toThrow('shard 3 is not up');
  await expect(findShard(null, 3)).rejects.toThrow('shard 3 is not up');
});

it('whoever has the id of one that is gone gets no signal', async () => {
  const pid = await startChild();
  const found = processOf(pid)!;
  expect(signalProcess({ ...found, startTime: '1' }, 'SIGKILL')).toBe(false);
  expect(processOf(pid)).toEqual(found);
  const gone = new Promise((resolve) => child!.once('exit', resolve));
  expect(signalProcess(found, 'SIGKILL')).toBe(true);
  await gone;
  expect(signalProcess(found, 'SIGKILL')).toBe(false);
  expect(processOf(pid)).toBeNull();
});
