/** The null server (drivers/null-server.ts) as a child process of this one. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { NullServerCounts } from '../drivers/null-server.ts';
import type { FromNullServer } from '../drivers/null-server-process.ts';

const NULL_SERVER_PROCESS = fileURLToPath(new URL('../drivers/null-server-process.js', import.meta.url));

export interface NullServerChild {
  /** `ws://127.0.0.1:port` */
  target: string;
  pid: number;
  counts(): Promise<NullServerCounts>;
  /** Resolves when the process is gone. */
  stop(): Promise<void>;
}

/** Rejects when the process ends before it listens. */
export async function forkNullServer(): Promise<NullServerChild> {
  const child = fork(NULL_SERVER_PROCESS, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const { port } = await answerOf(child, 'listening');
  return {
    target: `ws://127.0.0.1:${port}`,
    pid: child.pid!,
    async counts() {
      if (!child.connected) throw new Error('the null server is gone');
      const answer = answerOf(child, 'counts');
      child.send('counts');
      return answer;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}

function answerOf<Type extends FromNullServer['type']>(
  child: ChildProcess,
  type: Type,
): Promise<Extract<FromNullServer, { type: Type }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromNullServer): void => {
      if (message.type === type) settle(() => resolve(message as Extract<FromNullServer, { type: Type }>));
    };
    const onExit = (code: number | null, signal: string | null): void =>
      settle(() => reject(new Error(`the null server ended (${signal ?? `code ${code}`}); it says why above`)));
    const settle = (how: () => void): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      how();
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}
