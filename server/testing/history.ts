/** Random histories of a chat: what its devices do and what befalls its servers. Drawn by fast-check, so that a failure shrinks. */
import fc from 'fast-check';
import type { GroupAction } from '../protocol/messages.ts';

export const VOLUMES = 2;
/** Devices of each user; users live on the volumes in turn. */
export const DEVICES_OF_USERS = [3, 2, 1, 1] as const;
export const DEVICES = DEVICES_OF_USERS.reduce((sum, count) => sum + count, 0);
export const USERS = DEVICES_OF_USERS.length;

export const GROUPS = 2;

export type Step =
  | { do: 'send'; device: number; to: number; late: boolean }
  | { do: 'sendGroup'; device: number; group: number; late: boolean }
  /** `user`: whom to add, remove, … */
  | { do: 'group'; device: number; action: GroupAction; group: number; user: number }
  /** Begins to watch a user. */
  | { do: 'watch'; device: number; user: number }
  /** `back`: from so many places before the device's position. */
  | { do: 'connect'; device: number; back: number }
  /** `stall`: the network takes nothing more until `flow`. */
  | { do: 'disconnect' | 'repeat' | 'ack' | 'stall' | 'flow'; device: number }
  | { do: 'read'; device: number; frames: number }
  /** `restart`: it dies; `drain`: it ends in order, and starts again. */
  | { do: 'restart' | 'drain'; volume: number }
  | { do: 'cut' | 'heal' | 'failWrites' | 'failReads' | 'mend' }
  | { do: 'pass'; ms: number };

export interface History {
  /** Timelines keep their newest so many entries; 0: all. */
  keep: number;
  /** Decides how long each operation takes, and what a failed or interrupted write leaves. */
  seed: number;
  /** After each step, so many turns of the event loop before the next. */
  steps: Array<{ step: Step; turns: number }>;
}

const MOST_STEPS = 60;

export function histories(): fc.Arbitrary<History> {
  const device = fc.nat(DEVICES - 1);
  const user = fc.nat(USERS - 1);
  const group = fc.nat(GROUPS - 1);
  const groupAction = fc.constantFrom<GroupAction>(
    'create',
    'create',
    'add',
    'add',
    'join',
    'leave',
    'remove',
    'promote',
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant('send' as const), device, to: user, late: fc.boolean() }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('sendGroup' as const), device, group, late: fc.boolean() }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('group' as const), device, action: groupAction, group, user }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('watch' as const), device, user }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('connect' as const), device, back: fc.nat(3) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('disconnect', 'repeat', 'ack'), device }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('read' as const), device, frames: fc.nat(6) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('stall', 'flow'), device }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('restart', 'restart', 'drain'), volume: fc.nat(VOLUMES - 1) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cut', 'heal', 'failWrites', 'failReads', 'mend') }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(100, 1_000, 3_000) }) },
  );
  return fc.record({
    keep: fc.constantFrom(0, 0, 0, 4),
    seed: fc.nat(),
    steps: fc.array(fc.record({ step, turns: fc.nat(4) }), { maxLength: MOST_STEPS, size: 'max' }),
  });
}
