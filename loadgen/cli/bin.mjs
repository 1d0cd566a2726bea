#!/usr/bin/env node
// Plain JavaScript without dependencies: must run on any Node, to say which one is needed.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const [major, minor] = process.versions.node.split('.').map(Number);
const main = new URL('../../dist/loadgen/cli/main.js', import.meta.url);

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(104);
}

if (!((major === 20 && minor >= 19) || (major === 22 && minor >= 12))) {
  refuse(
    `Plimsoll needs Node 20.19 or later, or 22.12 or later, because its WebSocket server is prebuilt for these; this is Node ${process.versions.node}. Try "nvm use".`,
  );
}
if (!existsSync(main)) refuse('Plimsoll is not built: run "npm ci" (or "npm run build") in its folder.');
try {
  createRequire(import.meta.url)('uWebSockets.js');
} catch (error) {
  refuse(
    `The prebuilt WebSocket server does not load on ${process.platform} ${process.arch} with Node ${process.versions.node} (it needs glibc 2.27 or later on Linux): ${String(error.message).split('\n')[0]}. Run "npm ci" again on this machine.`,
  );
}
await import(main.href);
