/**
 * An agent that waits on a NATS server for runs: presents itself to coordinators, starts a fresh process for each run that
 * takes it, tells the coordinator when that process ends, and waits again.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  AGENTS_SUBJECT,
  type AgentAnswer,
  type AgentCall,
  type AgentOffer,
  callSubject,
  decodeCall,
  encodeCall,
  subjectPart,
} from '../control/agent-calls.ts';
import { type RemoteOrder, toAgent, toCoordinator } from '../control/control-channel-nats.ts';
import { goodbyeFrame } from '../control/control-stream.ts';
import type { NatsLine } from '../control/nats-line.ts';
import { SilenceWatch } from '../coordinator/agent-silence.ts';
import { descriptorLimit } from '../coordinator/machine.ts';
import type { AgentStatus } from '../exposition/agent-exposition.ts';
import type { AgentFigures } from '../exposition/agent-figures.ts';
import { PLIMSOLL_VERSION } from '../version.ts';
import { REMOTE } from './agent-modes.ts';

const AGENT_PROCESS = fileURLToPath(new URL('./agent-process.js', import.meta.url));

export interface AgentHostOptions {
  line: NatsLine;
  /** The server's address with its secrets, for the process of a run. */
  url: string;
  onNotice: (text: string) => void;
  /** Have the process of a run tell of each second. Default false: that costs nothing then. */
  figures?: boolean;
  /** The process of a run; it gets its RemoteOrder as its first message. */
  startProcess?: () => ChildProcess;
}

interface Session {
  runId: string;
  channel: string;
  child: ChildProcess;
  figures: AgentFigures | null;
  /** Not counted as a run. */
  released: boolean;
  stopListening: () => void;
}

/** A process that does not end by itself when its coordinator is gone has this long. */
const SILENCE_GRACE_MS = 5_000;

export class AgentHost {
  /** A run has ended; `ok`: in order. */
  onRunEnded: (ok: boolean) => void = () => {};
  readonly #options: AgentHostOptions;
  readonly #id = subjectPart(`${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`);
  #session: Session | null = null;
  #closing = false;

  constructor(options: AgentHostOptions) {
    this.#options = options;
    const { line } = options;
    line.subscribe(AGENTS_SUBJECT, (_, answer) => {
      if (!this.#closing) answer(encodeCall(this.#offer()));
    });
    line.subscribe(callSubject(this.#id), (bytes, answer) => {
      const call = decodeCall(bytes);
      if (call !== null) answer(encodeCall(this.#handle(call)));
    });
  }

  get busy(): boolean {
    return this.#session !== null;
  }

  /** Without the option `figures`, only which run it is in. */
  get status(): AgentStatus {
    return { runId: this.#session?.runId ?? null, figures: this.#session?.figures ?? null };
  }

  /** Take no more; a run that it is in ends, for the reason given. Resolves when its process has ended. */
  async close(how: string): Promise<void> {
    this.#closing = true;
    const session = this.#session;
    if (session === null) return;
    this.#tell(session, how);
    await new Promise((resolve) => {
      session.child.once('exit', resolve);
      session.child.kill('SIGKILL');
    });
  }

  #offer(): AgentOffer {
    return {
      id: this.#id,
      host: hostname(),
      pid: process.pid,
      version: PLIMSOLL_VERSION,
      cores: availableParallelism(),
      descriptorLimit: descriptorLimit(),
      busy: this.#session?.runId ?? null,
    };
  }

  #handle(call: AgentCall): AgentAnswer {
    if (call.type === 'take') {
      if (this.#closing) return { ok: false, busy: 'nothing: it is about to end' };
      if (this.#session !== null && this.#session.channel !== call.channel) {
        return { ok: false, busy: this.#session.runId };
      }
      if (this.#session === null) this.#start(call);
      return { ok: true };
    }
    if (this.#session?.channel === call.channel) {
      this.#session.released ||= call.type === 'release';
      this.#session.child.kill('SIGKILL');
    }
    return { ok: true };
  }

  #start({ runId, channel, silenceMs }: Extract<AgentCall, { type: 'take' }>): void {
    const child = (this.#options.startProcess ?? startAgentProcess)();
    const session: Session = { runId, channel, child, figures: null, released: false, stopListening: () => {} };
    const silence = new SilenceWatch<Session>(silenceMs + SILENCE_GRACE_MS, () => child.kill('SIGKILL'));
    const unsubscribe = this.#options.line.subscribe(toAgent(channel), () => silence.heard(session));
    silence.start([session]);
    session.stopListening = () => {
      silence.stop();
      unsubscribe();
    };
    this.#session = session;
    this.#options.onNotice(`taken for run ${runId}`);
    const tellFigures = this.#options.figures ?? false;
    if (tellFigures) {
      child.on('message', (figures: AgentFigures) => {
        session.figures = figures;
      });
    }
    const order: RemoteOrder = { url: this.#options.url, channel, silenceMs, tellFigures };
    child.send(order, () => {});
    child.once('exit', (code, signal) => this.#ended(session, code, signal));
  }

  #ended(session: Session, code: number | null, signal: string | null): void {
    this.#session = null;
    session.stopListening();
    const how = signal ? `ended by ${signal}` : `ended with code ${code}`;
    if (!this.#closing) this.#tell(session, how);
    if (session.released) {
      this.#options.onNotice(`not needed for run ${session.runId} after all`);
      return;
    }
    this.#options.onNotice(
      `run ${session.runId} ${code === 0 ? 'is over' : `was left before its end: the agent ${how}`}`,
    );
    this.onRunEnded(code === 0);
  }

  /** Its process can't say so any more. */
  #tell({ channel }: Session, how: string): void {
    this.#options.line.publish(toCoordinator(channel), goodbyeFrame(how));
  }
}

function startAgentProcess(): ChildProcess {
  return fork(AGENT_PROCESS, [REMOTE], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...process.execArgv, '--max-semi-space-size=16'],
  });
}
