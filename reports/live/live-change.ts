/**
 * What changed between two states of a page, so that only that is sent. Knows nothing of charts: whatever they will consist of
 * goes the same way. The reader's side is a script, since it runs in the browser only; live-change.test.ts holds both together.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/**
 * `{ set }`: the value is this now. `{ from, tail }`: an array is as it was up to `from`, then goes on so. `{ at }`: members of
 * an object or array changed; null in place of a change: the member is gone.
 */
export type Change = { set: Json } | { from: number; tail: Json[] } | { at: Record<string, Change | null> };

/** Null: nothing changed. */
export function changeOf(before: Json | undefined, after: Json): Change | null {
  if (before === after) return null;
  if (Array.isArray(before) && Array.isArray(after)) return changeOfArray(before, after);
  if (isObject(before) && isObject(after)) return changeOfObject(before, after);
  return { set: after };
}

function changeOfArray(before: Json[], after: Json[]): Change | null {
  const shared = Math.min(before.length, after.length);
  let from = 0;
  while (from < shared && before[from] === after[from]) from++;
  if (from === before.length && from === after.length) return null;
  const nested = after.length >= before.length && after.some((each) => typeof each === 'object' && each !== null);
  if (!nested) return { from, tail: after.slice(from) };
  return members(after.entries(), (index) => before[index]);
}

function changeOfObject(before: Record<string, Json | undefined>, after: Record<string, Json | undefined>) {
  const present = Object.entries(after).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  const gone = Object.keys(before).filter((key) => before[key] !== undefined && after[key] === undefined);
  return members(present, (key) => before[key], gone);
}

function members<Key extends string | number>(
  after: Iterable<[Key, Json]>,
  before: (key: Key) => Json | undefined,
  gone: readonly string[] = [],
): Change | null {
  const at: Record<string, Change | null> = Object.fromEntries(gone.map((key) => [key, null]));
  for (const [key, value] of after) {
    const change = changeOf(before(key), value);
    if (change !== null) at[`${key}`] = change;
  }
  return Object.keys(at).length === 0 ? null : { at };
}

function isObject(value: Json | undefined): value is Record<string, Json | undefined> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Defines `changed(value, change)`: the value as it is now. Arrays and objects are changed in place. */
export const APPLY_CHANGE_SCRIPT = `
  function changed(value, change) {
    if ('set' in change) return change.set;
    if ('tail' in change) {
      value.length = change.from;
      for (const each of change.tail) value.push(each);
      return value;
    }
    for (const [key, inner] of Object.entries(change.at)) {
      if (inner === null) delete value[key];
      else value[key] = changed(value[key], inner);
    }
    return value;
  }
`;
