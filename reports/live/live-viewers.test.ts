import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';
import { LiveViewers } from './live-viewers.ts';

/** Somebody who reads, or does not. */
class Reader extends EventEmitter {
  writableNeedDrain = false;
  heard: string[] = [];
  writeHead(): void {}
  write(text: string): void {
    this.heard.push(text);
  }
  end(text: string): void {
    this.heard.push(text);
  }
  destroy(): void {
    this.emit('close');
  }
}

describe('those who look', () => {
  let viewers: LiveViewers;
  let reader: Reader;
  beforeEach(() => {
    viewers = new LiveViewers();
    reader = new Reader();
    viewers.add(reader as unknown as ServerResponse, '{"all":1}');
  });
  const state = () => '{"all":9}';

  it('get everything when they come, then what changed, then the end', () => {
    viewers.send('{"set":2}', state, 1_000);
    viewers.send(null, state, 2_000);
    viewers.end('{"note":"over"}');
    expect(reader.heard).toEqual([
      'event: state\ndata: {"all":1}\n\n',
      'event: change\ndata: {"set":2}\n\n',
      ': nothing new\n\n',
      'event: end\ndata: {"note":"over"}\n\n',
    ]);
  });

  it('that do not read are sent nothing, and everything once they read again', () => {
    reader.writableNeedDrain = true;
    for (let second = 1; second <= 20; second++) viewers.send('{"set":2}', state, second * 1_000);
    expect(reader.heard).toHaveLength(1);
    reader.writableNeedDrain = false;
    viewers.send('{"set":3}', state, 21_000);
    viewers.send('{"set":4}', state, 22_000);
    expect(reader.heard.slice(1)).toEqual(['event: state\ndata: {"all":9}\n\n', 'event: change\ndata: {"set":4}\n\n']);
  });

  it('that do not read for half a minute are sent away', () => {
    reader.writableNeedDrain = true;
    for (let second = 1; second <= 31; second++) viewers.send('{"set":2}', state, second * 1_000);
    expect(viewers.count).toBe(1);
    viewers.send('{"set":2}', state, 32_000);
    expect(viewers.count).toBe(0);
  });
});
