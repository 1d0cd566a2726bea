/**
 * Composition root of a node, started by `plimsoll serve` with its configuration as JSON in PLIMSOLL_NODE_CONFIG (it holds
 * the secret, which arguments would show to every user of the machine). Says on standard output where it listens (`{"listening": …}`, one
 * line), logs to standard error, drains on SIGTERM and SIGINT, restarts its shard processes one after another on SIGHUP, and
 * ends by itself when its standard input closes if it was asked to (`stopWithParent`).
 */
import { ConfigError, type NodeConfig } from './config.ts';
import { startNode } from './supervisor.ts';

export interface NodeArguments extends NodeConfig {
  /** End when standard input closes: the process that started this one is gone. */
  stopWithParent: boolean;
}

const EXIT_CONFIG = 104;
// Read once: the shard processes get what they need from here, not from the environment.
const { stopWithParent, ...config } = JSON.parse(process.env.PLIMSOLL_NODE_CONFIG ?? '{}') as NodeArguments;
delete process.env.PLIMSOLL_NODE_CONFIG;
const log = (message: string): void => void process.stderr.write(`${message}\n`);

try {
  const starting = startNode(config, log);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    starting.then((node) => node.stop()).finally(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => void starting.then((node) => node.rollingRestart()).catch(() => {}));
  if (stopWithParent) process.stdin.on('end', stop).on('error', stop).resume();
  const node = await starting;
  process.stdout.write(`${JSON.stringify({ listening: { host: config.host, port: node.port } })}\n`);
} catch (error) {
  log((error as Error).message);
  const code = (error as { code?: string }).code;
  process.exit(error instanceof ConfigError || code === 'EADDRINUSE' ? EXIT_CONFIG : 1);
}
