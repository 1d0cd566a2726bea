#!/usr/bin/env node
/**
 * Whether the container it runs in is well; exit code 0 or 1, and why not on standard error.
 * `healthcheck.mjs node [port]`: the node says so itself. `healthcheck.mjs agent`: an agent of this host answers at the
 * control server that PLIMSOLL_CONTROL names, as it would answer a coordinator.
 */
import { get } from 'node:http';
import { hostname } from 'node:os';

const PATIENCE_MS = 4_000;

const [role, port = '4600'] = process.argv.slice(2);
try {
  if (role === 'node') await nodeIsWell();
  else if (role === 'agent') await agentIsWell();
  else throw new Error('say what this is: node or agent');
} catch (error) {
  process.stderr.write(`${error.cause?.message ?? error.message}\n`);
  process.exit(1);
}

function nodeIsWell() {
  return new Promise((resolve, reject) => {
    const request = get(`http://127.0.0.1:${port}/v1/health`, { timeout: PATIENCE_MS }, async (response) => {
      if (response.statusCode === 200) resolve();
      else reject(new Error((await response.toArray()).join('')));
    });
    request.on('timeout', () => request.destroy(new Error('the node does not answer')));
    request.on('error', reject);
  });
}

async function agentIsWell() {
  // Loaded here, for the node's sake: its check comes often, and loading is what it costs.
  const { AGENTS_SUBJECT, decodeOffer } = await import('../dist/loadgen/control/agent-calls.js');
  const { openNatsLine } = await import('../dist/loadgen/control/nats-line.js');
  const line = await openNatsLine(process.env.PLIMSOLL_CONTROL ?? '', 'plimsoll health check');
  const answered = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no agent of ${hostname()} answers at ${line.address}`)), PATIENCE_MS).unref();
    const inbox = line.inbox();
    line.subscribe(inbox, (bytes) => {
      if (decodeOffer(bytes)?.host === hostname()) resolve();
    });
    line.publish(AGENTS_SUBJECT, new Uint8Array(0), inbox);
  });
  try {
    await answered;
  } finally {
    await line.close();
  }
}
