/**
 * The same flow as an Artillery script for its ws engine. The engine sends and pauses; it does not look at what comes unless a
 * step waits for it, and then takes the next frame of any kind for the answer. So a function in a processor file does what a chat
 * client must: it acknowledges what is pushed, at most every 50 ms.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerLoad } from './peer-tools.ts';

const ACK_INTERVAL_MS = 50;
/** Users a second that are started; their pacing makes the rate. */
const ARRIVALS_PER_SECOND = 1_000;
const HOLD_SECONDS = 600;

/** Writes script, processor and users to `directory`; returns the script's path. */
export function writeArtilleryScript(load: PeerLoad): string {
  const { directory, target, connections, rate, bodyBytes } = load;
  const half = Math.floor(connections / 2);
  const users = Array.from({ length: connections }, (_, index) => `a${index},a${(index + half) % connections}`);
  writeFileSync(join(directory, 'users.csv'), `${users.join('\n')}\n`);
  writeFileSync(join(directory, 'processor.js'), PROCESSOR);
  // Whatever folder this lies in, its scripts may be ES modules.
  writeFileSync(join(directory, 'package.json'), '{"type":"commonjs"}');
  const send = `{"type":"send","id":{{ $loopCount }},"to":"{{ partner }}","body":"${'x'.repeat(bodyBytes)}"}`;
  const intervalMs = (connections * 1_000) / rate;
  const chat = [{ think: `{{ $randomNumber(0, ${Math.round(intervalMs)}) }}ms` }, chatLoop(send, intervalMs)];
  const script = {
    config: {
      target,
      processor: './processor.js',
      payload: { path: './users.csv', fields: ['user', 'partner'], order: 'sequence' },
      phases: [{ duration: Math.max(1, Math.ceil(connections / ARRIVALS_PER_SECOND)), arrivalCount: connections }],
      ws: { subprotocols: ['plimsoll.v1.json'] },
    },
    scenarios: [
      {
        engine: 'ws',
        flow: [
          { connect: `${target}/v1/connect?user={{ user }}&device=artillery` },
          { function: 'acknowledge' },
          ...(rate > 0 ? chat : []),
          { think: HOLD_SECONDS },
        ],
      },
    ],
  };
  const path = join(directory, 'script.json');
  writeFileSync(path, JSON.stringify(script));
  return path;
}

function chatLoop(send: string, intervalMs: number): object {
  return { loop: [{ send }, { think: `${intervalMs}ms` }], count: Math.ceil((HOLD_SECONDS * 1_000) / intervalMs) };
}

const PROCESSOR = `'use strict';
module.exports = { acknowledge };
function acknowledge(context, events, done) {
  let position = 0;
  let timer;
  context.ws.on('message', (data) => {
    const frame = JSON.parse(data);
    if (frame.seq > position) position = frame.seq;
    if (frame.type !== 'message') return;
    timer ??= setTimeout(() => {
      timer = undefined;
      context.ws.send(JSON.stringify({ type: 'ack', seq: position }));
    }, ${ACK_INTERVAL_MS});
  });
  done();
}
`;
