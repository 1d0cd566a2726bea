/** What each action on a group comes to, given who may do it: pure. */
import { ERRORS, type ErrorEntry } from '../protocol/errors.ts';
import type { GroupRequest } from '../protocol/messages.ts';
import { type GroupObject, type MemberChange, ROLE } from './group-object.ts';

export interface GroupFacts {
  /** Undefined: there is no such group. */
  object: GroupObject | undefined;
  actor: string;
  /** Roles now of the actor and of everybody the request names. */
  roles: Map<string, number>;
  maxMembers: number;
}

/** The changes that a request comes to (none: all is as it asks for already), or why it is refused. */
export function changesOf(request: GroupRequest, facts: GroupFacts): MemberChange[] | ErrorEntry {
  const { object, actor, roles } = facts;
  const roleOf = (user: string): number => roles.get(user) ?? ROLE.none;
  if (request.action === 'create') return createChanges(request, facts, roleOf);
  if (object === undefined) return ERRORS.noSuchGroup;
  const own = roleOf(actor);
  const named = [...new Set(request.users)];
  const to = (users: string[], role: number): MemberChange[] =>
    users.filter((user) => roleOf(user) !== role).map((user) => ({ user, from: roleOf(user), to: role }));

  switch (request.action) {
    case 'info':
      return own === ROLE.none ? ERRORS.notMember : [];
    case 'join':
      if (own !== ROLE.none) return [];
      return object.open ? checked(object, to([actor], ROLE.member), facts.maxMembers) : ERRORS.notAllowed;
    case 'leave':
      return checked(object, to([actor], ROLE.none), facts.maxMembers);
  }
  if (own !== ROLE.owner) return own === ROLE.none ? ERRORS.notMember : ERRORS.notAllowed;
  switch (request.action) {
    case 'add':
      return checked(
        object,
        to(
          named.filter((user) => roleOf(user) === ROLE.none),
          ROLE.member,
        ),
        facts.maxMembers,
      );
    case 'remove':
      return checked(object, to(named, ROLE.none), facts.maxMembers);
    default:
      // Whoever is no member can't be made an owner, nor a mere member, in passing.
      if (named.some((user) => roleOf(user) === ROLE.none)) return ERRORS.notMember;
      return checked(object, to(named, request.action === 'promote' ? ROLE.owner : ROLE.member), facts.maxMembers);
  }
}

/** Who repeats his own `create` is answered as before. */
function createChanges(
  { users }: GroupRequest,
  { object, actor, maxMembers }: GroupFacts,
  roleOf: (user: string) => number,
): MemberChange[] | ErrorEntry {
  if (object !== undefined) return roleOf(actor) === ROLE.owner ? [] : ERRORS.groupExists;
  const others = [...new Set(users)].filter((user) => user !== actor);
  if (others.length + 1 > maxMembers) return ERRORS.groupFull;
  return [
    { user: actor, from: ROLE.none, to: ROLE.owner },
    ...others.map((user) => ({ user, from: ROLE.none, to: ROLE.member })),
  ];
}

/** Refuses what would leave members without an owner, or too many members. */
function checked(object: GroupObject, changes: MemberChange[], maxMembers: number): MemberChange[] | ErrorEntry {
  let { members, owners } = object;
  for (const { from, to } of changes) {
    members += Number(to > ROLE.none) - Number(from > ROLE.none);
    owners += Number(to === ROLE.owner) - Number(from === ROLE.owner);
  }
  if (members > maxMembers && members > object.members) return ERRORS.groupFull;
  if (members > 0 && owners === 0) return ERRORS.lastOwner;
  return changes;
}
