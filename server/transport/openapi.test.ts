/** The OpenAPI document is valid, its examples are true, and it names exactly what a port answers. */

import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../protocol/errors.ts';
import { SchemaValidator } from '../testing/api-client.ts';
import { HttpApi } from './http-api.ts';
import { statusOfError } from './http-status.ts';
import { OPENAPI_DOCUMENT, ROUTER_PATHS, SHARD_PATHS } from './openapi.ts';
import type { Content, Method, Operation, Schema } from './openapi-types.ts';

const validator = new SchemaValidator(OPENAPI_DOCUMENT);
const page = readFileSync(new URL('../protocol/PROTOCOL.md', import.meta.url), 'utf8');
const operations = Object.entries(OPENAPI_DOCUMENT.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
);

it('is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate(
    structuredClone(OPENAPI_DOCUMENT) as unknown as Record<string, unknown>,
  );
  expect(result).toMatchObject({ valid: true });
});

it('names every operation once', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

it('has the requests that PROTOCOL.md lists, and none that it does not know', () => {
  const listed = [...page.matchAll(/^\| `(GET|POST|PUT|DELETE) (\/v1\/[^?`]+)/gm)].map(
    ([, method, path]) => `${method!.toLowerCase()} ${path}`,
  );
  const names = operations.map(({ name }) => name);
  for (const name of listed) expect(names).toContain(name);
  for (const { path } of operations) expect(page).toContain(path);
});

it('tells errors by the statuses that PROTOCOL.md lists', () => {
  for (const { code } of Object.values(ERRORS)) {
    const row = new RegExp(`^\\| ${statusOfError(code)} +\\|.*$`, 'm').exec(page)?.[0];
    expect([code, row]).toEqual([code, expect.stringContaining(`${code}`)]);
  }
});

describe.each(operations)('$name', ({ path, operation }) => {
  it('describes the parameters of its path', () => {
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path').map(({ name }) => name);
    expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
  });

  it('has references that lead somewhere', () => {
    for (const [reference] of JSON.stringify(operation).matchAll(/#\/components\/[^"]+/g)) {
      const [, , kind, name] = reference!.split('/') as [string, string, 'schemas' | 'responses', string];
      expect([reference, name in OPENAPI_DOCUMENT.components[kind]]).toEqual([reference, true]);
    }
  });

  it('has examples that fit their schemas', () => {
    for (const { schema, example } of examplesOf(operation)) {
      expect(validator.problem(schema, example)).toBeNull();
    }
  });
});

function examplesOf(operation: Operation): Array<{ schema: Schema; example: unknown }> {
  const contents: Content[] = [];
  if (operation.requestBody) contents.push(operation.requestBody.content);
  for (const answer of Object.values(operation.responses)) if ('content' in answer) contents.push(answer.content!);
  return [...(operation.parameters ?? []), ...contents.flatMap((content) => Object.values(content))].flatMap(
    ({ schema, example }) => (example === undefined ? [] : [{ schema, example }]),
  );
}

describe('an app', () => {
  function api(paths: typeof SHARD_PATHS, registered: string[] = []): HttpApi {
    const register = (method: string) => (pattern: string) => registered.push(`${method} ${pattern}`);
    const app = Object.fromEntries(['get', 'post', 'put', 'del', 'any'].map((method) => [method, register(method)]));
    return new HttpApi(app as never, { paths, log: () => {} });
  }

  it('takes no handler for what is not in the document', () => {
    expect(() => api(SHARD_PATHS).get('/v1/secret', () => {})).toThrow('get /v1/secret is not in the OpenAPI document');
    expect(() => api(SHARD_PATHS).post('/v1/poll', () => {})).toThrow('not in the OpenAPI document');
    expect(() => api(ROUTER_PATHS).get('/v1/poll', () => {})).toThrow('not in the OpenAPI document');
  });

  it('does not start without a handler for what is', () => {
    expect(() => api(SHARD_PATHS).finish()).toThrow('no handler for');
  });

  it.each([
    ['router', ROUTER_PATHS],
    ['shard', SHARD_PATHS],
  ] as const)('of the %s answers what is tagged so', (tag, paths) => {
    const registered: string[] = [];
    const one = api(paths, registered);
    for (const [path, item] of Object.entries(paths)) {
      for (const method of Object.keys(item) as Method[]) one[method](path, () => {});
    }
    one.finish();
    const tagged = operations.filter(({ operation }) => operation.tags.includes(tag)).map(({ path }) => path);
    expect(new Set(Object.keys(paths))).toEqual(new Set(tagged));
    for (const path of tagged) expect(registered).toContain(`any ${path.replace(/\{(\w+)\}/g, ':$1')}`);
  });
});
