/** What a population says, in lines for people: each with the figures it comes to and how. */
import { formatCount, formatDuration, formatNumber } from '../units.ts';
import { type GroupPopulation, meanFanOut } from './groups.ts';
import { inTimeZones, type TimeZoneShare } from './hourly-curves.ts';
import type { PartnerSpec } from './partners.ts';
import { meanPayloadBytes, type PayloadSpec } from './payload-sizes.ts';
import { sessionFigures } from './sessions.ts';

/** Parts that are left out have no line. */
export interface DescribedPopulation {
  /** `curve` is written in local time. */
  timeZones?: { curve: readonly number[]; zones: readonly TimeZoneShare[] } | undefined;
  sessions?: { users: number; sessionsPerUserPerDay: number; sessionLengthMs: number } | undefined;
  /** `users`: those who are connected; `mean`: devices of each. */
  devices?: { users: number; mean: number } | undefined;
  partners?: PartnerSpec | undefined;
  /** `share` of the messages goes to groups; `devices` per user, default 1. */
  groups?: { groups: GroupPopulation; share: number; devices?: number | undefined } | undefined;
  payload?: PayloadSpec | undefined;
}

/** Throws RangeError where the figures cannot be. */
export function describePopulation(population: DescribedPopulation): string[] {
  const { timeZones, sessions, devices, partners, groups, payload } = population;
  return [
    ...(timeZones ? [describeTimeZones(timeZones.curve, timeZones.zones)] : []),
    ...(sessions ? describeSessions(sessions) : []),
    ...(devices ? [describeDevices(devices.users, devices.mean)] : []),
    ...(partners ? [describePartners(partners)] : []),
    ...(groups ? describeGroups(groups.groups, groups.share, groups.devices) : []),
    ...(payload ? [describePayload(payload)] : []),
  ];
}

export function describeTimeZones(curve: readonly number[], zones: readonly TimeZoneShare[]): string {
  const factors = inTimeZones(curve, zones);
  const at = (factor: number): string => {
    const hour = factors.indexOf(factor);
    return `${formatNumber(factor)} × the mean at ${hour}–${hour + 1} h UTC`;
  };
  const total = zones.reduce((sum, { share }) => sum + share, 0);
  const inhabited = zones.filter(({ share }) => share > 0);
  const most = inhabited.reduce((a, b) => (b.share > a.share ? b : a));
  const where =
    inhabited.length === 1
      ? `all users in ${zoneName(most.utcOffset)}`
      : `users in ${inhabited.length} time zones, most (${percent(most.share / total)}) in ${zoneName(most.utcOffset)}`;
  return `${where}: highest ${at(Math.max(...factors))}, lowest ${at(Math.min(...factors))}`;
}

export function describeSessions(input: Parameters<typeof sessionFigures>[0]): string[] {
  const { meanOnline, shareOnline, sessionsPerSecond } = sessionFigures(input);
  const { users, sessionsPerUserPerDay, sessionLengthMs } = input;
  return [
    `${formatCount(users)} users × ${formatNumber(sessionsPerUserPerDay)} sessions a day ÷ 86,400 s = ${formatNumber(sessionsPerSecond)} sessions/s begin and end in the mean`,
    `× ${formatDuration(sessionLengthMs)} each = ${formatCount(meanOnline)} users online in the mean, ${percent(shareOnline)} of them (Little's law)`,
  ];
}

export function describeDevices(users: number, mean: number): string {
  return `${formatCount(users)} users × ${formatNumber(mean)} devices = ${formatCount(users * mean)} connections`;
}

export function describePartners(spec: PartnerSpec): string {
  if (spec.kind === 'pairs') return 'users write to one partner each, always the same';
  if (spec.kind === 'uniform') return 'users write to anybody, equally often';
  let sum = 0;
  for (let rank = 1; rank <= spec.contacts; rank++) sum += rank ** -spec.exponent;
  return `users write to ${formatCount(spec.contacts)} contacts each, by rank r with weight 1/r^${formatNumber(spec.exponent)}: ${percent(1 / sum)} to the first`;
}

/** A message to a user reaches one, a message to a group the others in it, each with all devices. */
export function describeGroups(groups: GroupPopulation, share: number, devices = 1): string[] {
  const sizes = Array.from({ length: groups.count }, (_, group) => groups.size(group));
  if (sizes.length === 0) return [];
  const memberships = sizes.reduce((a, b) => a + b, 0);
  const [least, most] = sizes.reduce(
    ([low, high], size) => [Math.min(low, size), Math.max(high, size)],
    [sizes[0]!, 0],
  );
  const of =
    least === most
      ? `${formatCount(most)} members each`
      : `${formatCount(least)} to ${formatCount(most)} members, ${formatNumber(memberships / sizes.length)} in the mean`;
  const receivers = meanFanOut(groups);
  const fanOut = (1 - share + share * receivers) * devices;
  const each = devices === 1 ? '' : ` × ${formatNumber(devices)} devices`;
  return [
    `${formatCount(sizes.length)} groups of ${of}; every member sends equally often, so a group message reaches ${formatNumber(receivers)} others in the mean`,
    // Then only flows write to them, at rates of their own.
    ...(share === 0
      ? []
      : [
          `${percent(share)} of the messages to groups: ${formatNumber(share)} × ${formatNumber(receivers)} + ${formatNumber(1 - share)} × 1${each} = ${formatNumber(fanOut)} deliveries a message`,
        ]),
  ];
}

export function describePayload(spec: PayloadSpec): string {
  const mean = `${formatNumber(meanPayloadBytes(spec))} bytes a message`;
  if (spec.kind === 'constant') return mean;
  if (spec.kind === 'samples')
    return `payloads drawn from ${formatCount(spec.bytes.length)} samples: ${mean} in the mean`;
  return `lognormal payloads, median ${formatNumber(spec.medianBytes)}, sigma ${formatNumber(spec.sigma)}, at most ${formatCount(spec.maxBytes)}: ${mean} in the mean`;
}

/** `UTC`, `UTC+5:30`, `UTC−3` */
function zoneName(utcOffset: number): string {
  if (utcOffset === 0) return 'UTC';
  const minutes = Math.round(Math.abs(utcOffset) * 60);
  const rest = minutes % 60 === 0 ? '' : `:${String(minutes % 60).padStart(2, '0')}`;
  return `UTC${utcOffset < 0 ? '−' : '+'}${Math.floor(minutes / 60)}${rest}`;
}

/** Three significant digits: `0.125` → `12.5%`. */
function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`;
}
