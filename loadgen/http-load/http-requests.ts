/** The calls of a scenario, with the names and tokens of users in them. */
import type { HttpPlan } from '../population/load-plan.ts';
import { userName } from '../population/partners.ts';
import type { Random } from '../random.ts';

export type RequestTemplate = HttpPlan['requests'][number];

/** What autocannon sends. */
export interface BuiltRequest {
  method: RequestTemplate['method'];
  path: string;
  headers: Record<string, string>;
  body: string;
}

export interface RequestSource {
  /** At least one. */
  templates: readonly RequestTemplate[];
  /** A user whose call this may be. */
  drawUser: (random: Random) => number;
  /** One whom that user writes to. */
  drawPeer: (user: number, random: Random) => number;
  /** A token of the user; undefined: none is asked for. */
  sign: ((user: string) => string) | undefined;
}

/** Does it belong to a user, whose shard is called unless the router answers it? */
export function isOfUser({ path, headers, body = '' }: RequestTemplate): boolean {
  return [path, body, ...Object.values(headers)].some((text) => text.includes('{user}'));
}

/** The next call: a template by weight, a user and a peer. A header `authorization` of the scenario's own is left alone. */
export function drawRequest(source: RequestSource, random: Random): BuiltRequest {
  const template = drawTemplate(source.templates, random);
  const index = source.drawUser(random);
  const user = userName(index);
  const peer = userName(source.drawPeer(index, random));
  const fill = (text: string, encode: (name: string) => string = (name) => name): string =>
    text.replaceAll('{user}', () => encode(user)).replaceAll('{peer}', () => encode(peer));
  const headers = Object.fromEntries(Object.entries(template.headers).map(([name, value]) => [name, fill(value)]));
  const hasOwn = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
  if (source.sign !== undefined && !hasOwn && isOfUser(template)) headers.authorization = `Bearer ${source.sign(user)}`;
  return {
    method: template.method,
    path: fill(template.path, encodeURIComponent),
    headers,
    body: fill(template.body ?? ''),
  };
}

function drawTemplate(templates: readonly RequestTemplate[], random: Random): RequestTemplate {
  let left = random.uniform() * templates.reduce((sum, { weight }) => sum + weight, 0);
  for (const template of templates) {
    left -= template.weight;
    if (left < 0) return template;
  }
  return templates.at(-1)!;
}
