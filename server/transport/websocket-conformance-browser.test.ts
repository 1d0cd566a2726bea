/** A browser's own WebSocket as a client of a whole node: a page of another origin that chats, in JSON and in binary. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSigner } from 'fast-jwt';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../tools/chromium.ts';
import { encodeAck, encodeSend, FrameWriter } from '../protocol/codec.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from '../protocol/messages.ts';
import type { Frame } from '../testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from '../testing/test-node.ts';
import { until } from '../testing/until.ts';
import { Witness } from '../testing/witness.ts';

/** `connect` gives an object that gathers what one socket tells. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>Chat</title><script>
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
function connect(url, protocols) {
  const socket = new WebSocket(url, protocols);
  const state = { socket, texts: [], buffers: [], failed: false, close: null };
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) state.buffers.push(base64(data));
    else state.texts.push(data);
  };
  socket.onerror = () => { state.failed = true; };
  socket.onclose = ({ code, reason, wasClean }) => { state.close = { code, reason, wasClean }; };
  return state;
}
</script>`;

interface Close {
  code: number;
  reason: string;
  wasClean: boolean;
}

/** A page with one socket. */
class PageClient {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Begins to connect. */
  static async begin(address: string, protocols: string[]): Promise<PageClient> {
    const page = await browser.newPage();
    page.on('pageerror', (error) => uncaught.push(error.message));
    await page.goto(pageUrl);
    const client = new PageClient(page);
    await client.run(`void (window.chat = connect(${JSON.stringify(address)}, ${JSON.stringify(protocols)}))`);
    return client;
  }

  static async open(user: string, protocol: string = JSON_SUBPROTOCOL, query = ''): Promise<PageClient> {
    const address = `${await node.urlOf(user)}/v1/connect?user=${encodeURIComponent(user)}${query}`;
    const client = await PageClient.begin(address, [protocol]);
    await client.next('welcome');
    return client;
  }

  /** Evaluates in the page: the sources know no browser types. */
  run<Result>(expression: string): Promise<Result> {
    return this.page.evaluate<Result>(expression);
  }

  send(frame: object): Promise<void> {
    return this.run(`chat.socket.send(${JSON.stringify(JSON.stringify(frame))})`);
  }

  /** The frames that have come, text or binary. */
  async frames(): Promise<Frame[]> {
    const [texts, buffers] = await this.run<[string[], string[]]>('[chat.texts, chat.buffers]');
    const twins = buffers.flatMap((buffer) => jsonFromServerFrames(Buffer.from(buffer, 'base64')));
    return [...texts, ...twins].map((text) => JSON.parse(text) as Frame);
  }

  /** The first frame of a type that has these fields. */
  next(type: Frame['type'], fields: object = {}): Promise<Frame> {
    return until(`a ${type} frame`, async () =>
      (await this.frames()).find(
        (frame) =>
          frame.type === type && Object.entries(fields).every(([name, value]) => frame[name as 'type'] === value),
      ),
    );
  }

  closing(): Promise<Close> {
    return until('the close', () => this.run<Close | null>('chat.close'));
  }
}

let node: TestNode;
let witness: Witness;
let alice: string;
let bob: string;
let server: Server;
let pageUrl: string;
let browser: Browser;
let uncaught: string[] = [];

beforeAll(async () => {
  node = await startTestNode();
  [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
  const name = node.userOn(0, 'witness');
  witness = await Witness.open(node, await node.urlOf(name), name);
  server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(PAGE));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  pageUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await witness?.stop();
  server?.close();
  await cleanUp();
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  expect(uncaught).toEqual([]);
  uncaught = [];
  await witness.check();
});

describe('a page in JSON', () => {
  it('follows the router, chats, and is told what was delivered', async () => {
    const asking = await PageClient.begin(`${node.url.replace('http', 'ws')}/v1/connect?user=${alice}`, [
      JSON_SUBPROTOCOL,
    ]);
    expect(await asking.closing()).toMatchObject({ code: 4301, wasClean: true });
    const { url } = await asking.next('redirect');
    const a = await PageClient.begin(`${url}/v1/connect?user=${alice}`, [JSON_SUBPROTOCOL]);
    const b = await PageClient.open(bob);
    expect(await a.run('[chat.socket.protocol, chat.socket.extensions]')).toEqual([JSON_SUBPROTOCOL, '']);

    await a.send({ type: 'send', id: 1, to: bob, body: 'Grüße 😀' });
    const sent = await a.next('sent', { id: 1 });
    const message = await b.next('message', { peer: alice, body: 'Grüße 😀', direction: 'in' });
    await b.send({ type: 'ack', seq: message.seq });
    await a.next('receipt', { state: 'delivered', peer: bob, upTo: sent.seq });
    await b.send({ type: 'send', id: 1, to: alice, body: 'same to you' });
    await a.next('message', { peer: bob, body: 'same to you' });

    await b.run('chat.socket.close(1000, "see you")');
    expect(await b.closing()).toEqual({ code: 1000, reason: 'see you', wasClean: true });
    const again = await PageClient.open(bob, JSON_SUBPROTOCOL, `&after=${message.seq! - 1}`);
    await again.next('message', { seq: message.seq, body: 'Grüße 😀' });
  });

  it('makes a group and writes to it', async () => {
    const [a, b] = [await PageClient.open(alice), await PageClient.open(bob)];
    await a.send({ type: 'group', id: 7, action: 'create', group: 'team', users: [bob] });
    await a.next('group', { id: 7, role: 'owner', members: 2 });
    await b.next('group', { id: 0, group: 'team', role: 'member' });
    await a.send({ type: 'send', id: 100, group: 'team', body: 'hello, team' });
    await a.next('sent', { id: 100 });
    await b.next('message', { peer: alice, group: 'team', groupSeq: 1, body: 'hello, team' });
    await b.send({ type: 'send', id: 100, group: 'team', body: 'hello, alice' });
    await a.next('message', { peer: bob, group: 'team', groupSeq: 2, body: 'hello, alice' });
  });
});

describe('a page in binary', () => {
  const frame = (id: number, body: Buffer): string => {
    const writer = new FrameWriter();
    encodeSend(writer, id, bob, body);
    encodeAck(writer, 0);
    return Buffer.from(writer.take()).toString('base64');
  };

  it.each([
    ['an ArrayBuffer', 200, 'data.buffer'],
    ['a view into one', 201, 'new Uint8Array([9, ...data, 9]).subarray(1, data.length + 1)'],
    ['a Blob', 202, 'new Blob([data])'],
  ])('sends %s and gets ArrayBuffers', async (_what, id, expression) => {
    const [a, b] = [await PageClient.open(alice, BINARY_SUBPROTOCOL), await PageClient.open(bob)];
    expect(await a.run('[chat.socket.protocol, chat.texts.length]')).toEqual([BINARY_SUBPROTOCOL, 0]);
    const body = Buffer.from([id, 0xff, 0, 0xfe]);
    await a.run(`(() => { const data = bytes('${frame(id, body)}'); chat.socket.send(${expression}); })()`);
    await a.next('sent', { id });
    await b.next('message', { id, peer: alice, bodyBase64: body.toString('base64') });
  });
});

describe('a page is told why it is closed:', () => {
  it.each([
    ['no JSON', "chat.socket.send('hello')", 4400, 'a frame could not be decoded: not valid JSON'],
    ['an empty message', "chat.socket.send('')", 4400, 'a frame could not be decoded: not valid JSON'],
    ['rubbish', 'chat.socket.send(new Uint8Array([127]))', 4400, 'a frame could not be decoded: unknown frame type'],
    ['too much', "chat.socket.send('x'.repeat(120000))", 4413, 'a frame is larger than allowed'],
  ])('%s', async (_what, expression, code, reason) => {
    const client = await PageClient.open(alice);
    await client.run(expression);
    expect(await client.closing()).toEqual({ code, reason: expect.stringContaining(reason), wasClean: true });
  });

  it('a token that is missing, and a server that stops', async () => {
    const secret = 'a secret of the test that is long enough';
    const guarded = await startTestNode({ shards: 1, authSecret: secret });
    const address = `${await guarded.urlOf('alice')}/v1/connect?user=alice`;
    const stranger = await PageClient.begin(address, [JSON_SUBPROTOCOL]);
    expect(await stranger.closing()).toEqual({ code: 4401, reason: 'no token was given', wasClean: true });
    const token = createSigner({ key: secret, expiresIn: 3_600_000 })({ sub: 'alice' });
    const client = await PageClient.begin(`${address}&token=${token}`, [JSON_SUBPROTOCOL]);
    await client.next('welcome');
    await guarded.stop();
    expect(await client.closing()).toMatchObject({ code: 1001, wasClean: true });
  });
});

describe('a page closes', () => {
  it.each([
    ['', 1005, ''],
    ['1000', 1000, ''],
    [`4000, 'é'.repeat(61)`, 4000, 'é'.repeat(61)],
    ['4999', 4999, ''],
    // Valid, but not echoed by the library.
    [`3000, 'bye'`, 1005, ''],
  ])('with (%s)', async (parameters, code, reason) => {
    const client = await PageClient.open(alice);
    await client.run(`chat.socket.close(${parameters})`);
    expect(await client.closing()).toEqual({ code, reason, wasClean: true });
  });
});

describe('offering', () => {
  it.each([
    ['both subprotocols', [JSON_SUBPROTOCOL, BINARY_SUBPROTOCOL], BINARY_SUBPROTOCOL],
    ['an unknown one and JSON', ['chat', JSON_SUBPROTOCOL], JSON_SUBPROTOCOL],
    ['none', [], ''],
  ])('%s', async (_what, protocols, chosen) => {
    const client = await PageClient.begin(`${await node.urlOf(alice)}/v1/connect?user=${alice}`, protocols);
    await client.next('welcome');
    expect(await client.run('chat.socket.protocol')).toBe(chosen);
  });

  it('only an unknown one fails in the browser', async () => {
    const client = await PageClient.begin(`${await node.urlOf(alice)}/v1/connect?user=${alice}`, ['chat']);
    expect(await client.closing()).toEqual({ code: 1006, reason: '', wasClean: false });
    expect(await client.run('[chat.failed, chat.texts.length]')).toEqual([true, 0]);
  });
});
