/** Who is to receive what, as far as the plan alone says it. Pure. */
import { devicesOf } from '../population/devices.ts';
import { createGroups } from '../population/groups.ts';
import type { LoadPlan, TrafficPlan } from '../population/plan.ts';
import type { Audience } from '../recorder/ledger-expansion.ts';

/** The part of a plan that agents need. */
export function trafficOf(plan: LoadPlan): TrafficPlan {
  const { blocks, streams, users, devices, payload, partners, groups, presenceContacts, warmUpMs, steadyMs } = plan;
  return { blocks, streams, users, devices, payload, partners, groups, presenceContacts, warmUpMs, steadyMs };
}

export function audienceOf(plan: TrafficPlan & { seed: number }): Audience {
  const { users, devices, groups, blocks, seed } = plan;
  const population = groups && createGroups({ ...groups, users: blocks[0]!.users, seed });
  return {
    users,
    devicesOf: (user) => (devices === 1 ? 1 : devicesOf(user, devices)),
    membersOf: (group) => population?.members(group) ?? [],
  };
}

/** Devices that receive what `sender` writes to a group. */
export function receiversOf(audience: Audience, group: number, sender: number): number {
  return audience
    .membersOf(group)
    .reduce((sum, member) => sum + (member === sender ? 0 : audience.devicesOf(member)), 0);
}
