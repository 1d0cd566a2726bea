/** What a population says of its messages, in the words of the modules that draw them. */
import { type CheckedScenario, ScenarioError } from '../../scenarios/scenario-schema.ts';
import type { PartnerSpec } from './partners.ts';
import type { PayloadSpec } from './payload-sizes.ts';
import type { GroupsPlan } from './plan.ts';

type Population = NonNullable<CheckedScenario['population']>;

/** Sizes that a file holds were read by whoever loaded the scenario. */
export function payloadSpec(population: Population | undefined, samples: readonly number[] | undefined): PayloadSpec {
  const bytes = population?.messageBytes ?? 100;
  if (typeof bytes === 'number') return { kind: 'constant', bytes };
  if ('file' in bytes) {
    if (samples === undefined || samples.length === 0)
      throw new ScenarioError(`"population.messageBytes.file" ${bytes.file} was not read`);
    return { kind: 'samples', bytes: samples };
  }
  return { kind: 'lognormal', medianBytes: bytes.median, sigma: bytes.sigma, maxBytes: bytes.max };
}

export function partnerSpec(population: Population | undefined): PartnerSpec {
  const partners = population?.partners ?? 'pairs';
  if (typeof partners === 'string') return { kind: partners };
  return { kind: 'zipf', exponent: partners.zipf, contacts: partners.contacts };
}

export function groupsPlan(population: Population | undefined, users: number): GroupsPlan | null {
  const groups = population?.groups;
  if (groups === undefined) return null;
  const { members } = groups;
  const most = typeof members === 'number' ? members : members.max!;
  if (most > users)
    throw new ScenarioError(`"population.groups.members" is up to ${most}, but there are only ${users} users`);
  if (typeof members === 'number') return { count: groups.count, sizes: { kind: 'constant', members } };
  if ('zipf' in members) {
    return { count: groups.count, sizes: { kind: 'zipf', exponent: members.zipf, maxMembers: members.max } };
  }
  const { median, sigma, max } = members;
  return { count: groups.count, sizes: { kind: 'lognormal', medianMembers: median, sigma, maxMembers: max } };
}
