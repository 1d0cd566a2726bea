/**
 * How coordinators find agents on a NATS server and take them into a run. JSON, so that every version reads it; all else
 * goes over the channel of the run.
 */

/** Whoever publishes here with a subject to answer to hears of all agents. */
export const AGENTS_SUBJECT = 'plimsoll.1.agents';

/** An agent, as it presents itself. */
export interface AgentOffer {
  id: string;
  host: string;
  pid: number;
  version: string;
  cores: number;
  descriptorLimit: number;
  /** The run that it serves; null: free. */
  busy: string | null;
}

export type AgentCall =
  /** Start a process that takes part in the run over `channel`. */
  | { type: 'take'; runId: string; channel: string; silenceMs: number }
  /** It was not needed after all. */
  | { type: 'release'; channel: string }
  /** End the process by force. */
  | { type: 'kill'; channel: string };

export type AgentAnswer = { ok: true } | { ok: false; busy: string };

export function callSubject(agentId: string): string {
  return `plimsoll.1.agent.${agentId}`;
}

/** `runKey` is unique to a run of a coordinator. */
export function channelSubject(runKey: string, index: number): string {
  return `plimsoll.1.run.${subjectPart(runKey)}.${index}`;
}

/** Text as one part of a subject: no dots, blanks or wildcards. */
export function subjectPart(text: string): string {
  return text.replaceAll(/[^\w-]/g, '_');
}

export function encodeCall(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Null for what nobody here has written. */
export function decodeOffer(bytes: Uint8Array): AgentOffer | null {
  const { id, host, pid, version, cores, descriptorLimit, busy } = decode(bytes);
  if (typeof id !== 'string' || typeof host !== 'string' || typeof version !== 'string') return null;
  return {
    id,
    host,
    version,
    pid: Number(pid),
    cores: Number(cores),
    descriptorLimit: Number(descriptorLimit),
    busy: typeof busy === 'string' ? busy : null,
  };
}

export function decodeCall(bytes: Uint8Array): AgentCall | null {
  const { type, runId, channel, silenceMs } = decode(bytes);
  if (typeof channel !== 'string') return null;
  if (type === 'release' || type === 'kill') return { type, channel };
  if (type !== 'take' || typeof runId !== 'string' || typeof silenceMs !== 'number') return null;
  return { type, runId, channel, silenceMs };
}

export function decodeAnswer(bytes: Uint8Array): AgentAnswer {
  const { ok, busy } = decode(bytes);
  return ok === true ? { ok } : { ok: false, busy: String(busy) };
}

function decode(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
