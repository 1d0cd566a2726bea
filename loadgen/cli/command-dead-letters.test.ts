/** `plimsoll dead-letters` against servers that answer as a test says; with a real node: server/store-trouble.test.ts. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Workspace } from '../testing/command-line.ts';

type Answer = { status: number; body: object };
type Behaviour = (request: { path: string; query: URLSearchParams; body: Record<string, unknown> }) => Answer;

let workspace: Workspace;
let servers: Server[];
let requests: Array<{ path: string; user: string | null; body: Record<string, unknown>; token: string }>;

beforeEach(() => {
  workspace = new Workspace();
  servers = [];
  requests = [];
});

afterEach(async () => {
  for (const server of servers) server.close();
  await workspace.close();
});

/** `http://127.0.0.1:<port>` */
async function serve(behaviour: Behaviour): Promise<string> {
  const server = createServer(async (req, res) => {
    const url = new URL(req.url!, 'http://x');
    const body = await bodyOf(req);
    const token = req.headers.authorization ?? '';
    requests.push({ path: url.pathname, user: url.searchParams.get('user'), body, token });
    const answer = behaviour({ path: url.pathname, query: url.searchParams, body });
    res.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(req: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const piece of req) text += piece;
  return text === '' ? {} : JSON.parse(text);
}

const stored: Behaviour = ({ path, body }) =>
  path === '/v1/route' ? NO_ROUTER : { status: 200, body: { id: body.id, seq: 7, time: 1 } };
const NO_ROUTER: Answer = { status: 404, body: { error: 'no such path' } };

function letter(user: string, id: number, more: object = {}): string {
  const rest = { time: 1_700_000_000_000 + id, user, id, to: 'bob', bodyBase64: 'aGk=', reason: 'The disk is full.' };
  return `${JSON.stringify({ type: 'letter', key: `${user}/${id}`, ...rest, ...more })}\n`;
}

/** A log in the default place. */
function write(volume: number, ...lines: string[]): string {
  const directory = join(workspace.directory, '.plimsoll/data/dead-letters');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `volume-${volume}.jsonl`);
  writeFileSync(file, lines.join(''));
  return file;
}

const sent = (): Array<Record<string, unknown>> =>
  requests.filter(({ path }) => path === '/v1/messages').map(({ body }) => body);

describe('list', () => {
  it('says in a sentence that there is nothing, and no log', async () => {
    expect(await workspace.run(['dead-letters', 'list'])).toEqual({
      code: 0,
      stdout: 'There is no dead-letter log in .plimsoll/data/dead-letters, so nothing waits.\n',
      stderr: '',
    });
    write(0);
    const { code, stdout } = await workspace.run(['dead-letters', 'list']);
    expect([code, stdout]).toEqual([0, 'No dead letters wait in .plimsoll/data/dead-letters.\n']);
    const json = await workspace.run(['dead-letters', 'list', '--json', '--data', 'elsewhere']);
    expect(JSON.parse(json.stdout)).toEqual({ letters: [], torn: 0 });
  });

  it('shows what waits of all volumes, oldest first, and what a crash has torn', async () => {
    write(
      0,
      letter('zoë', 3),
      letter('alice', 1),
      '{"type":"settled","key":"alice/1"}\n',
      letter('carol', 9).slice(0, 40),
    );
    write(12, letter('alice', 2, { to: undefined, group: 'club' }));
    const { code, stdout, stderr } = await workspace.run(['dead-letters', 'list']);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'when                     from   to          size  why',
        '2023-11-14 22:13:20 UTC  alice  group club   2 B  The disk is full.',
        '2023-11-14 22:13:20 UTC  zoë    bob          2 B  The disk is full.',
        '2 messages.\n',
      ].join('\n'),
    );
    expect(stderr).toMatch(/^1 line of the log can't be read/);
  });

  it('says what is wrong with a directory that can not be read', async () => {
    writeFileSync(join(workspace.directory, 'file'), '');
    const { code, stderr } = await workspace.run(['dead-letters', 'list', '--dead-letters', 'file']);
    expect([code, stderr.split('\n').length]).toEqual([104, 2]);
    expect(stderr).toContain("can't read the dead letters in file");
  });
});

describe('replay', () => {
  it('sends each as its sender, with a token, where the router says; marks it; and does nothing the second time', async () => {
    const file = write(0, letter('alice', 1), letter('alice', 2, { to: undefined, group: 'club' }), letter('zoë', 3));
    const shard = await serve(stored);
    const router = await serve(({ query }) => ({
      status: 200,
      body: { user: query.get('user'), shard: 1, url: shard.replace('http', 'ws') },
    }));
    const args = ['dead-letters', 'replay', '-t', router.replace('http', 'ws')];
    const first = await workspace.run(args, { PLIMSOLL_AUTH_SECRET: 'secret' });
    expect(first).toEqual({ code: 0, stdout: '3 messages replayed.\n', stderr: '' });
    expect(sent()).toEqual(
      expect.arrayContaining([
        { id: 1, to: 'bob', bodyBase64: 'aGk=' },
        { id: 2, group: 'club', bodyBase64: 'aGk=' },
        { id: 3, to: 'bob', bodyBase64: 'aGk=' },
      ]),
    );
    const [one] = requests.filter(({ path, user }) => path === '/v1/messages' && user === 'zoë');
    const claims = JSON.parse(Buffer.from(one!.token.split('.')[1]!, 'base64url').toString());
    expect(claims).toMatchObject({ sub: 'zoë' });
    expect(claims.exp - claims.iat).toBe(300);
    expect(readFileSync(file, 'utf8').match(/"replayed"/g)).toHaveLength(3);
    const second = await workspace.run(args);
    expect(second.stdout).toBe('No dead letters wait in .plimsoll/data/dead-letters.\n');
    expect(sent()).toHaveLength(3);
  });

  it('follows a server that knows the right one, and waits for one in trouble', async () => {
    write(0, letter('alice', 1));
    const right = await serve(stored);
    let calls = 0;
    const wrong = await serve(({ path }) => {
      if (path === '/v1/route') return NO_ROUTER;
      if (calls++ === 0) return { status: 503, body: { error: 'later', code: 1004, retryAfterMs: 10 } };
      return { status: 421, body: { error: 'elsewhere', url: right.replace('http', 'ws') } };
    });
    const { code, stdout } = await workspace.run(['dead-letters', 'replay', '-t', wrong]);
    expect([code, stdout]).toEqual([0, '1 message replayed.\n']);
    // After a 421 fetch asks once more by itself.
    expect(calls).toBeLessThanOrEqual(3);
  });

  it('keeps what is refused and says why, sends the rest, and exits with 1', async () => {
    const file = write(0, letter('alice', 1), letter('alice', 2), letter('zoë', 3));
    appendFileSync(file, '{"type":"let'); // torn: the marks must not be lost behind it
    const target = await serve((request) =>
      request.body.id === 1 ? { status: 409, body: { error: 'used for another', code: 1005 } } : stored(request),
    );
    const { code, stdout } = await workspace.run(['dead-letters', 'replay', '-t', target]);
    expect(code).toBe(1);
    expect(stdout).toBe(
      '2 messages replayed, 1 left:\n  1 × used for another (1005); the first is message 1 of alice\n',
    );
    const left = await workspace.run(['dead-letters', 'list', '--json']);
    expect(JSON.parse(left.stdout)).toMatchObject({ letters: [{ user: 'alice', id: 1 }] });
    const json = await workspace.run(['dead-letters', 'replay', '--json', '-t', target]);
    expect(JSON.parse(json.stdout)).toEqual({
      replayed: 0,
      left: 1,
      failures: [{ user: 'alice', id: 1, reason: 'used for another (1005)' }],
    });
  });

  it('gives up on a node that is not there, in a sentence, and loses nothing', async () => {
    write(0, letter('alice', 1), letter('alice', 2));
    const { code, stdout, stderr } = await workspace.run(['dead-letters', 'replay', '-t', 'http://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^0 messages replayed, 2 left:\n {2}2 × .*(ECONNREFUSED|bad port).*first is message 1 of alice\n$/,
    );
    expect(stderr).not.toContain('    at ');
  }, 60_000);

  it('asks for a target, and for a good one', async () => {
    const missing = await workspace.run(['dead-letters', 'replay']);
    expect([missing.code, missing.stderr]).toEqual([
      104,
      'say which node takes the messages: --target http://host:port (its router)\n',
    ]);
    const bad = await workspace.run(['dead-letters', 'replay', '-t', 'ftp://x']);
    expect([bad.code, bad.stderr.split('\n').length]).toEqual([104, 2]);
  });
});

it('explains itself', async () => {
  const nothing = await workspace.run(['dead-letters']);
  expect([nothing.code, nothing.stderr]).toEqual([104, 'Say what to do with the dead letters: list or replay.\n']);
  for (const command of ['list', 'replay']) {
    const { code, stdout } = await workspace.run(['dead-letters', command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('Examples:');
  }
});
