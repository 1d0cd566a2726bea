/** A real nats-server for tests, on a free port; it can be stopped, started again on that port, and frozen. */
import { type ChildProcess, spawn } from 'node:child_process';

/** Debian keeps it where a user's PATH may not reach. */
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/bin`;

export class TestNatsServer {
  #port: number;
  #child: ChildProcess;
  #arguments: string[];

  private constructor(child: ChildProcess, port: number, arguments_: string[]) {
    this.#child = child;
    this.#port = port;
    this.#arguments = arguments_;
  }

  /** `arguments_`: further ones of nats-server; `host`: the address to listen on. */
  static async start(arguments_: string[] = [], host = '127.0.0.1'): Promise<TestNatsServer> {
    const all = ['-a', host, ...arguments_];
    const { child, port } = await launch(-1, all);
    return new TestNatsServer(child, port, all);
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    await new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.kill('SIGKILL');
    });
  }

  /** Again, on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    this.#child = (await launch(this.#port, this.#arguments)).child;
  }
}

async function launch(port: number, arguments_: string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn('nats-server', ['-p', `${port}`, ...arguments_], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH },
  });
  let log = '';
  const bound = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`nats-server ended with code ${code}: ${log}`)));
    let open = 0;
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      open = Number(/Listening for client connections on [\w.:]+:(\d+)/.exec(log)?.[1] ?? open);
      if (open > 0 && log.includes('Server is ready')) resolve(open);
    });
  });
  return { child, port: bound };
}
