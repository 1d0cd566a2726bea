/**
 * Clients that others have written, against a whole node: the `ws` library, and the WebSocket of a browser (Chromium), which
 * shows a page no frames but is the strictest about what it takes from a server.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { launchChromium } from '../../tools/chromium.ts';
import { encodeSend, FrameWriter } from '../protocol/codec.ts';
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from '../protocol/messages.ts';
import { TestClient } from '../testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from '../testing/test-node.ts';
import { until } from '../testing/until.ts';
import { Witness } from '../testing/witness.ts';

const MAX_BODY_BYTES = 1_000;

let node: TestNode;
let url: string;
let witness: Witness;

beforeAll(async () => {
  node = await startTestNode({ shards: 1, maxBodyBytes: MAX_BODY_BYTES });
  url = await node.urlOf('witness');
  witness = await Witness.open(node, url, 'witness');
});

afterAll(async () => {
  await witness?.stop();
  await cleanUp();
});

afterEach(() => witness.check());

function send(id: number, body: string): string {
  return JSON.stringify({ type: 'send', id, to: 'bob', body });
}

async function bodiesFrom(peer: string): Promise<string[]> {
  const response = await fetch(`${url.replace('ws', 'http')}/v1/timeline?user=bob&limit=1000`);
  const { entries } = (await response.json()) as { entries: Array<{ peer: string; body: string }> };
  return entries.filter((entry) => entry.peer === peer).map(({ body }) => body);
}

describe('the ws library', () => {
  it('sends a message in many fragments with pings between', async () => {
    const client = await TestClient.open(url, 'ws-fragments');
    const pongs: string[] = [];
    client.socket.on('pong', (data) => pongs.push(data.toString()));
    const text = send(1, 'zoë € 😀 '.repeat(20));
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 7) {
      client.socket.send(bytes.subarray(at, at + 7), { binary: false, fin: at + 7 >= bytes.length });
      if (at % 70 === 0) client.socket.ping(`at ${at}`);
    }
    expect(await client.next('sent')).toMatchObject({ id: 1 });
    expect(pongs).toEqual(Array.from({ length: Math.ceil(bytes.length / 70) }, (_, i) => `at ${i * 70}`));
    expect(await bodiesFrom('ws-fragments')).toEqual(['zoë € 😀 '.repeat(20)]);
    await client.close();
  });

  it('sends binary frames in fragments that cut through them', async () => {
    const client = await TestClient.open(url, 'ws-binary', { protocol: BINARY_SUBPROTOCOL });
    const w = new FrameWriter();
    for (let id = 1; id <= 3; id++) encodeSend(w, id, 'bob', Buffer.from(`binary ${id}`));
    const bytes = w.take();
    for (let at = 0; at < bytes.length; at += 5)
      client.socket.send(bytes.subarray(at, at + 5), { fin: at + 5 >= bytes.length });
    await client.count('sent', 3);
    expect(await bodiesFrom('ws-binary')).toEqual(['binary 1', 'binary 2', 'binary 3']);
    await client.close();
  });

  it('closes with a code and a reason, or without, and hears the same', async () => {
    const closes: Array<[() => Parameters<WebSocket['close']>, number, string]> = [
      [() => [1000, 'done'], 1000, 'done'],
      [() => [4001, 'ü'.repeat(61)], 4001, 'ü'.repeat(61)],
      [() => [], 1005, ''],
    ];
    for (const [args, code, reason] of closes) {
      const client = await TestClient.open(url, 'ws-closes');
      client.socket.close(...args());
      expect(await client.untilClosed()).toEqual({ code, reason });
    }
  });
});

describe('Chromium', () => {
  let browser: Browser;
  let site: Server;
  let page: Page;

  beforeAll(async () => {
    browser = await launchChromium();
    // A page of an origin of its own: `about:blank` is none that a browser treats as it treats sites.
    site = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html>'));
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
  });

  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  /**
   * Opens a socket, waits for the welcome, says `says` (numbers: bytes) one after the other, waits for `answers` more messages
   * (only those of the types `awaited`, where these are given: receipts come when they like), and closes with `close` if it is given. Resolves once the socket is closed.
   */
  function talk(options: {
    user: string;
    protocols: string[];
    says?: Array<string | number[]>;
    answers?: number;
    awaited?: string[];
    close?: [number, string] | [];
  }): Promise<{ protocol: string; heard: Array<string | number[]>; code: number; reason: string; clean: boolean }> {
    const address = `${url}/v1/connect?user=${options.user}`;
    return page.evaluate(
      ({ address, protocols, says = [], answers = 0, awaited, close }) =>
        new Promise((resolve) => {
          // biome-ignore lint/suspicious/noExplicitAny: this function runs in the browser, whose types are not those of Node.
          const socket = new (globalThis as any).WebSocket(address, protocols);
          socket.binaryType = 'arraybuffer';
          const heard: Array<string | number[]> = [];
          socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
            heard.push(typeof data === 'string' ? data : [...new Uint8Array(data)]);
            if (heard.length === 1)
              for (const what of says) socket.send(typeof what === 'string' ? what : new Uint8Array(what));
            const counts = (what: string | number[]): boolean =>
              awaited === undefined || awaited.some((type) => String(what).includes(`"type":"${type}"`));
            const answered = heard.slice(1).filter(counts).length;
            if (answered === answers && close !== undefined) socket.close(...close);
          };
          socket.onclose = (event: { code: number; reason: string; wasClean: boolean }) =>
            resolve({
              protocol: socket.protocol,
              heard,
              code: event.code,
              reason: event.reason,
              clean: event.wasClean,
            });
        }),
      {
        address,
        protocols: options.protocols,
        says: options.says,
        answers: options.answers,
        awaited: options.awaited,
        close: options.close,
      },
    );
  }

  it('speaks JSON, in any script, and closes with a code', async () => {
    const user = 'browser-json';
    const body = 'zoë € 😀 שלום \u0000';
    const { protocol, heard, ...closed } = await talk({
      user,
      protocols: [JSON_SUBPROTOCOL],
      says: [send(1, body), '{"type":"presence","action":"pull","users":["witness"]}'],
      answers: 2,
      awaited: ['sent', 'presence'],
      close: [4001, 'enough €'],
    });
    expect(protocol).toBe(JSON_SUBPROTOCOL);
    const frames = heard.map((text) => JSON.parse(text as string));
    expect(frames[0]).toMatchObject({ type: 'welcome', user });
    expect(frames.find(({ type }) => type === 'sent')).toMatchObject({ id: 1, seq: 1 });
    expect(frames.find(({ type }) => type === 'presence').users).toEqual([{ user: 'witness', state: 'online' }]);
    expect(closed).toEqual({ code: 4001, reason: 'enough €', clean: true });
    expect(await bodiesFrom(user)).toEqual([body]);
  });

  it('speaks binary, and closes without a code', async () => {
    const w = new FrameWriter();
    encodeSend(w, 7, 'bob', Buffer.from('from a browser'));
    const { protocol, heard, ...closed } = await talk({
      user: 'browser-binary',
      protocols: [BINARY_SUBPROTOCOL],
      says: [[...w.take()]],
      answers: 1,
      close: [],
    });
    expect(protocol).toBe(BINARY_SUBPROTOCOL);
    expect(heard.map((bytes) => bytes[0])).toEqual([0x81, 0x82]);
    expect(closed).toEqual({ code: 1005, reason: '', clean: true });
    expect(await bodiesFrom('browser-binary')).toEqual(['from a browser']);
  });

  it('gets a message larger than one segment whole', async () => {
    const client = await TestClient.open(url, 'browser-large-sender');
    for (let id = 1; id <= 100; id++)
      client.send({ type: 'send', id, to: 'browser-large', body: `${id} `.repeat(200) });
    await client.count('sent', 100);
    const { heard, code } = await talk({
      user: 'browser-large',
      protocols: [JSON_SUBPROTOCOL],
      answers: 100,
      close: [1000, ''],
    });
    const bodies = heard.slice(1).map((text) => JSON.parse(text as string).body);
    expect(bodies).toEqual(Array.from({ length: 100 }, (_, i) => `${i + 1} `.repeat(200)));
    expect(code).toBe(1000);
    await client.close();
  });

  it.each<[string, string | number[], number, string]>([
    ['what is no JSON', 'hello', 4400, 'a frame could not be decoded: '],
    ['an empty text', '', 4400, 'a frame could not be decoded: '],
    ['an unknown frame', [0x7f], 4400, 'a frame could not be decoded: '],
    ['more than is allowed', 'x'.repeat(6 * MAX_BODY_BYTES + 1_025), 4413, 'a frame is larger than allowed'],
  ])('is told why %s is not taken', async (what, says, code, reason) => {
    const user = `browser-bad-${what.length}`;
    const closed = await talk({ user, protocols: [JSON_SUBPROTOCOL], says: [says] });
    expect(closed).toMatchObject({ code, clean: true, reason: expect.stringContaining(reason) });
    expect(closed.heard).toHaveLength(1);
  });

  it('is told of a refusal right after the upgrade', async () => {
    const closed = await talk({ user: '', protocols: [JSON_SUBPROTOCOL] });
    expect(closed).toMatchObject({ code: 4400, reason: 'user is missing', clean: true, heard: [] });
  });

  it('fails when the server knows none of the subprotocols', async () => {
    const closed = await talk({ user: 'browser-none', protocols: ['mqtt'] });
    expect(closed).toMatchObject({ code: 1006, clean: false, heard: [] });
  });

  it('that goes away leaves no connection', async () => {
    const other = await browser.newPage();
    await other.goto(page.url());
    await other.evaluate((address) => {
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      (globalThis as any).socket = new (globalThis as any).WebSocket(address);
    }, `${url}/v1/connect?user=browser-leaving`);
    const state = async () => {
      const response = await fetch(`${url.replace('ws', 'http')}/v1/presence?user=bob&users=browser-leaving`);
      return ((await response.json()) as { users: Array<{ state: string }> }).users[0]!.state;
    };
    await until('it to be online', async () => (await state()) === 'online');
    await other.close();
    await until('it to be offline', async () => (await state()) === 'offline');
  });
});
