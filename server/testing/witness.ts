/** A connection from before that keeps exchanging messages while a test does something to the same process. */
import { expect } from 'vitest';
import { TestClient } from './test-client.ts';
import type { TestNode } from './test-node.ts';

/** A round trip; the machine may be busy with other tests. */
const BOUND_MS = 2_000;
const PAUSE_MS = 5;

export class Witness {
  readonly #node: TestNode;
  readonly #client: TestClient;
  readonly #pids: number[];
  readonly #loop: Promise<void>;
  #id = 0;
  #slowestMs = 0;
  #stopped = false;

  private constructor(node: TestNode, client: TestClient, name: string, pids: number[]) {
    this.#node = node;
    this.#client = client;
    this.#pids = pids;
    this.#loop = this.#exchange(name);
    this.#loop.catch(() => {}); // `check` and `stop` tell
  }

  /** Connects as `name` at the process `url` and begins to write to itself. */
  static async open(node: TestNode, url: string, name: string): Promise<Witness> {
    const pids = await node.shardPids();
    return new Witness(node, await TestClient.open(url, name), name, pids);
  }

  /** Fails unless it is being served, was all the while, and the processes are those from the beginning. */
  async check(): Promise<void> {
    const before = this.#id;
    while (this.#id < before + 2)
      await Promise.race([this.#loop, new Promise((resolve) => setTimeout(resolve, PAUSE_MS))]);
    expect(this.#slowestMs).toBeLessThan(BOUND_MS);
    expect(this.#client.closed).toBeNull();
    expect(await this.#node.shardPids()).toEqual(this.#pids);
    expect((await this.#node.stats()).shards.map(({ restarts }) => restarts)).toEqual(this.#pids.map(() => 0));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    await this.#client.close();
  }

  async #exchange(name: string): Promise<void> {
    while (!this.#stopped) {
      const started = performance.now();
      this.#client.send({ type: 'send', id: this.#id + 1, to: name, body: `message ${this.#id + 1}` });
      expect(await this.#client.next('sent')).toMatchObject({ id: this.#id + 1 });
      expect(await this.#client.next('message')).toMatchObject({ body: `message ${this.#id + 1}` });
      this.#id++;
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
