/** What a JSON chat server is told and how its frames are read, as data: templates, conditions, paths. Pure. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Placeholders with these names stand in templates as `{name}`. */
export type Values = Record<string, string | number>;

/**
 * Make a function that fills the placeholders of a JSON template and gives its text. A string that is nothing but one
 * placeholder becomes the value itself (`"{id}"` → 17); one with more around it stays text (`"m-{id}"` → "m-17").
 */
export function jsonTemplate(template: Json): (values: Values) => string {
  // JSON has no `{name}` outside of strings, so the places can be found in its text.
  return fill(JSON.stringify(template), /"\{(\w+)\}"|\{(\w+)\}/g, (value, whole) => {
    if (whole && typeof value === 'number') return String(value);
    const text = JSON.stringify(String(value));
    return whole ? text : text.slice(1, -1);
  });
}

/** The same for an address: values are percent-encoded, but for `{target}`, which stands as it is. */
export function urlTemplate(template: string): (values: Values) => string {
  return fill(template, /\{(\w+)\}/g, (value, _whole, name) =>
    name === 'target' ? String(value) : encodeURIComponent(String(value)),
  );
}

/** The same for plain text, such as a header. */
export function textTemplate(template: string): (values: Values) => string {
  return fill(template, /\{(\w+)\}/g, (value) => String(value));
}

/** Names of the placeholders in a template, in text or JSON. */
export function placeholders(template: Json): string[] {
  return [...JSON.stringify(template).matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
}

function fill(
  text: string,
  places: RegExp,
  write: (value: string | number, whole: boolean, name: string) => string,
): (values: Values) => string {
  const literals: string[] = [];
  const slots: Array<{ name: string; whole: boolean }> = [];
  let end = 0;
  for (const match of text.matchAll(places)) {
    literals.push(text.slice(end, match.index));
    slots.push({ name: (match[1] ?? match[2])!, whole: match[0].startsWith('"') });
    end = match.index + match[0].length;
  }
  const last = text.slice(end);
  return (values) => {
    let filled = '';
    for (let i = 0; i < slots.length; i++) {
      const { name, whole } = slots[i]!;
      filled += literals[i]! + write(values[name] ?? '', whole, name);
    }
    return filled + last;
  };
}

/** Make a function that reads the value at a path such as `data.id` or `0.name`; undefined where there is none. */
export function reader(path: string): (frame: unknown) => unknown {
  const keys = path.split('.');
  return (frame) => {
    let value = frame;
    for (const key of keys) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
      value = (value as Record<string, unknown>)[key];
    }
    return value;
  };
}

/** Path → the value that has to stand there, one of several, or `"*"` for any. All of them must fit. */
export type Condition = Record<string, string | number | boolean | null | Array<string | number | boolean | null>>;

/** Make a function that tells whether a frame fits. `{user}` in a value stands for the connection's user. */
export function matcher(condition: Condition): (frame: unknown, user: string) => boolean {
  const parts = Object.entries(condition).map(([path, expected]) => {
    const read = reader(path);
    const any = Array.isArray(expected) ? expected : [expected];
    return (frame: unknown, user: string): boolean => {
      const value = read(frame);
      if (any.length === 1 && any[0] === '*') return value !== undefined;
      return any.some((one) => value === (one === '{user}' ? user : one));
    };
  });
  return (frame, user) => parts.every((fits) => fits(frame, user));
}

/** A whole number that stands as a number or as text with other characters around it (`"m-17"` → 17); undefined: none. */
export function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(/\d+(?=\D*$)/.exec(value)?.[0] ?? Number.NaN) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
