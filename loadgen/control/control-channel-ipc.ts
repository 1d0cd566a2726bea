/** Agents as child processes of the coordinator, over Node's IPC channel. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AgentLink, CoordinatorLink, FromAgent, ToAgent } from './control-channel.ts';

const AGENT_PROCESS = fileURLToPath(new URL('../agent/agent-process.js', import.meta.url));

/** Starts agent process `index`. */
export function forkAgent(index: number): AgentLink {
  // Advanced serialization carries typed arrays (ledgers, histograms) as they are.
  const child = fork(AGENT_PROCESS, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...process.execArgv, '--max-semi-space-size=16'],
  });
  return ipcAgentLink(`agent-${index}`, child);
}

/** The coordinator's end; `child` was forked with advanced serialization. */
export function ipcAgentLink(name: string, child: ChildProcess): AgentLink {
  return new IpcAgentLink(name, child);
}

class IpcAgentLink implements AgentLink {
  readonly name: string;
  #child: ChildProcess;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
  }

  send(message: ToAgent): void {
    // An agent that has just died does not listen any more; onGone says so.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  onMessage(handler: (message: FromAgent) => void): void {
    this.#child.on('message', (message) => handler(message as FromAgent));
  }

  onGone(handler: (how: string) => void): void {
    this.#child.once('exit', (code, signal) => handler(signal ? `ended by ${signal}` : `ended with code ${code}`));
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** The agent's end, in the child process. */
export function ipcCoordinator(): CoordinatorLink {
  let handedOver = Promise.resolve();
  return {
    send: (message) => {
      if (!process.connected) return;
      handedOver = new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
    },
    onMessage: (handler) => {
      process.on('message', (message) => handler(message as ToAgent));
    },
    onGone: (handler) => {
      process.once('disconnect', handler);
    },
    close: () => handedOver,
  };
}
