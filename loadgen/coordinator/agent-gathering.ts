/** Finds agents that wait on a NATS server and takes as many as a run needs: all of them, or none. */
import { randomBytes } from 'node:crypto';
import {
  AGENTS_SUBJECT,
  type AgentCall,
  type AgentOffer,
  callSubject,
  channelSubject,
  decodeAnswer,
  decodeOffer,
  encodeCall,
} from '../control/agent-calls.ts';
import { NatsAgentLink } from '../control/control-channel-nats.ts';
import type { NatsLine } from '../control/nats-line.ts';
import { formatCount, formatDuration } from '../units.ts';
import { PLIMSOLL_VERSION } from '../version.ts';
import { AgentError } from './agent-error.ts';

export interface GatherOptions {
  line: NatsLine;
  /** Null: all that are free, at least one. */
  count: number | null;
  /** At most this many. */
  most: number;
  /** Of the whole run, at once. */
  connections: number;
  runId: string;
  /** Wait for them this long. */
  waitMs: number;
  /** An agent that says nothing for so long is given up; agents judge the coordinator by the same. */
  silenceMs: number;
  /** How long an agent's process may take to start; default 30,000. */
  startMs?: number;
  onNotice: (text: string) => void;
  signal: AbortSignal;
}

/** How long the agents have to answer before those that did are counted. */
const ROUND_MS = 400;
const START_MS = 30_000;
/** What an agent opens besides its connections. */
const OTHER_DESCRIPTORS = 50;
const CALL_TIMEOUT_MS = 2_000;

/** Rejects with AgentError (side `configuration`) when they do not come in time, or with the signal's reason. */
export async function gatherAgents(options: GatherOptions): Promise<NatsAgentLink[]> {
  const { line, waitMs, onNotice, signal } = options;
  const until = performance.now() + waitMs;
  let said = '';
  let offers = new Map<string, AgentOffer>();
  const inbox = line.inbox();
  const unsubscribe = line.subscribe(inbox, (bytes) => {
    const offer = decodeOffer(bytes);
    if (offer !== null) offers.set(offer.id, offer);
  });
  try {
    for (;;) {
      offers = new Map();
      line.publish(AGENTS_SUBJECT, new Uint8Array(0), inbox);
      await pause(ROUND_MS, signal);
      const there = [...offers.values()];
      const free = there.filter(({ version, busy }) => busy === null && version === PLIMSOLL_VERSION);
      const wanted = Math.min(options.count ?? Math.max(free.length, 1), options.most);
      if (free.length >= wanted) {
        const chosen = spreadOverHosts(free).slice(0, wanted);
        refuseFewDescriptors(chosen, options.connections);
        const taken = await takeAll(options, chosen);
        if (taken !== null) return taken;
      }
      refuseOtherVersions(there, free.length, wanted);
      const state = describe(there, free.length, wanted);
      if (performance.now() > until) throw new AgentError('configuration', tooFew(options, state));
      if (state !== said && free.length < wanted) onNotice(`waiting for agents: ${state}`);
      said = state;
    }
  } finally {
    unsubscribe();
  }
}

/** Two coordinators that want the same agents must not each hold half: null when one was faster, then none is held. */
async function takeAll(options: GatherOptions, offers: AgentOffer[]): Promise<NatsAgentLink[] | null> {
  const { line, runId, silenceMs, startMs = START_MS } = options;
  const runKey = `${runId}-${randomBytes(4).toString('hex')}`;
  const call = async (id: string, message: AgentCall): Promise<boolean> => {
    const answer = await line.request(callSubject(id), encodeCall(message), CALL_TIMEOUT_MS);
    return answer !== null && decodeAnswer(answer).ok;
  };
  const links = offers.map(({ id, host }, index) => {
    const channel = channelSubject(runKey, index);
    const killIt = (): void => void call(id, { type: 'kill', channel });
    // It listens before the agent is asked, so that nothing the agent says is missed.
    return {
      id,
      channel,
      link: new NatsAgentLink({ name: `agent-${index}`, host, line, channel, silenceMs, startMs, killIt }),
    };
  });
  const answers = await Promise.all(
    links.map(({ id, channel }) => call(id, { type: 'take', runId, channel, silenceMs })),
  );
  if (answers.every((ok) => ok)) return links.map(({ link }) => link);
  await Promise.all(links.map(({ id, channel }) => call(id, { type: 'release', channel })));
  for (const { link } of links) link.close();
  await pause(ROUND_MS * Math.random(), options.signal);
  return null;
}

/** One of each host, then the second of each, … */
function spreadOverHosts(offers: readonly AgentOffer[]): AgentOffer[] {
  const seen = new Map<string, number>();
  return [...offers]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((offer) => {
      const turn = seen.get(offer.host) ?? 0;
      seen.set(offer.host, turn + 1);
      return { offer, turn };
    })
    .sort((a, b) => a.turn - b.turn)
    .map(({ offer }) => offer);
}

/** When those of another version are what is missing, waiting does not help. */
function refuseOtherVersions(there: readonly AgentOffer[], free: number, wanted: number): void {
  const other = there.filter(({ version, busy }) => busy === null && version !== PLIMSOLL_VERSION);
  const first = other[0];
  if (first === undefined || free >= wanted || free + other.length < wanted) return;
  throw new AgentError(
    'configuration',
    `the agent on ${first.host} (process ${first.pid}) runs Plimsoll ${first.version}, the coordinator ${PLIMSOLL_VERSION}; use one version`,
  );
}

/** What would only show as failed connections in the middle of the run. */
function refuseFewDescriptors(chosen: readonly AgentOffer[], connections: number): void {
  const each = Math.ceil(connections / chosen.length);
  const poor = chosen.find(({ descriptorLimit }) => descriptorLimit > 0 && descriptorLimit < each + OTHER_DESCRIPTORS);
  if (poor === undefined) return;
  throw new AgentError(
    'configuration',
    `the agent on ${poor.host} (process ${poor.pid}) may open ${formatCount(poor.descriptorLimit)} files, too few for its ${formatCount(each)} connections; raise ulimit -n there, or use more agents`,
  );
}

/** `2 of 4 are there (alpha: 1, beta: 1), 1 is busy with run x`. */
function describe(there: readonly AgentOffer[], free: number, wanted: number): string {
  const hosts = new Map<string, number>();
  for (const { host, busy, version } of there) {
    if (busy === null && version === PLIMSOLL_VERSION) hosts.set(host, (hosts.get(host) ?? 0) + 1);
  }
  const names = [...hosts]
    .sort()
    .map(([host, count]) => `${host}: ${count}`)
    .join(', ');
  const busy = there.filter((offer) => offer.busy !== null);
  const runs = [...new Set(busy.map((offer) => offer.busy))].join(', ');
  const other = there
    .filter(({ version }) => version !== PLIMSOLL_VERSION)
    .map(({ host, version }) => `${host}: ${version}`);
  return [
    `${free} of ${wanted} ${free === 1 ? 'is' : 'are'} there${names === '' ? '' : ` (${names})`}`,
    ...(busy.length > 0 ? [`${busy.length} ${busy.length === 1 ? 'is' : 'are'} busy with run ${runs}`] : []),
    ...(other.length > 0 ? [`${other.length} of another version (${other.join(', ')})`] : []),
  ].join(', ');
}

function tooFew({ line, waitMs }: GatherOptions, state: string): string {
  return `too few agents on ${line.address} after ${formatDuration(waitMs)}: ${state}; start one with plimsoll agent --control ${line.address}`;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, ms));
  signal.throwIfAborted();
}
