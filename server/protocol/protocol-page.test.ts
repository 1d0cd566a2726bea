/** PROTOCOL.md is a contract: its tables and examples are held against the code. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { clientSink, collectClient, collectServer, serverSink } from './codec.fixture.ts';
import { FRAME, FrameError } from './codec.ts';
import { decodeClientJson, serverFramesFromJson } from './codec-json.ts';
import { CLOSES, ERRORS } from './errors.ts';
import type { ClientMessage, ServerMessage } from './messages.ts';
import { logicalShard, shardHash } from './shard-hash.ts';

/** Without the padding of table columns. */
const page = readFileSync(new URL('./PROTOCOL.md', import.meta.url), 'utf8').replace(/ +\|/g, ' |');

test('every error and close code stands on the page as it stands in the registry', () => {
  for (const { code, name, definite, text } of Object.values(ERRORS))
    expect(page).toContain(`| ${code} | ${name} | ${definite ? 'yes' : 'no'} | ${text} |`);
  for (const { code, name, reconnect, text } of Object.values(CLOSES))
    expect(page).toContain(`| ${code} | ${name} | ${reconnect} | ${text} |`);
});

test('every frame type stands on the page', () => {
  for (const [name, type] of Object.entries(FRAME))
    expect(page).toContain(`| \`${type.toString(16).padStart(2, '0')}\` | ${name} |`);
});

test('the examples decode', () => {
  const block = page.split('Examples, spaces for the eye:')[1]!.split('```')[1]!;
  const lines = block
    .trim()
    .replace(/\n {2}\S.*? {2,}(?=(?:[0-9a-f]{2})+ )/g, ' ')
    .split('\n');
  expect(lines).toHaveLength(16);
  for (const line of lines) {
    const match = /^(\w+) .*? {2,}|^(\w+) .*? (?=8[0-9a-f] )/.exec(line)!;
    const data = Buffer.from(line.slice(match[0].length).replaceAll(' ', ''), 'hex');
    const type = match[1] ?? match[2];
    const [message] = data[0]! < 0x80 ? collectClient(data) : collectServer(data);
    expect(message!.type).toBe(type);
  }
});

test('the JSON examples decode', () => {
  const lines = page.split('```json')[1]!.split('```')[0]!.trim().split('\n');
  const seen: Array<ClientMessage | ServerMessage> = [];
  for (const line of lines) {
    try {
      decodeClientJson(line, clientSink(seen as ClientMessage[]));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      serverFramesFromJson(line, serverSink(seen as ServerMessage[]));
    }
  }
  expect(new Set(seen.map(frameName))).toEqual(new Set(Object.keys(FRAME)));
});

/** In JSON the two kinds of `send`, and questions and answers, share a type. */
function frameName(message: ClientMessage | ServerMessage): string {
  if (message.type === 'send' && 'group' in message) return 'sendGroup';
  if (message.type === 'group' && 'role' in message) return 'groupState';
  if (message.type === 'presence' && !('action' in message)) return 'presenceState';
  return message.type;
}

test('the hashes are right', () => {
  const rows = [...page.matchAll(/\| `(\S+)` \| (\d{6,}) \| (\d+) \|/g)];
  expect(rows).toHaveLength(3);
  for (const [, user, hash, shard] of rows) {
    expect(shardHash(user!)).toBe(Number(hash));
    expect(logicalShard(user!)).toBe(Number(shard));
  }
});
