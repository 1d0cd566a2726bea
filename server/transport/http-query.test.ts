import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HttpProblem } from './http-problem.ts';
import { decodePathPart, Query } from './http-query.ts';

describe('a query', () => {
  it('gives what was encoded', () => {
    const names = fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1 });
    fc.assert(
      fc.property(names, (values) => {
        const query = new Query(`a=1&users=${values.map(encodeURIComponent).join(',')}&users=&b`);
        expect(query.list('users')).toEqual(values);
        expect(new Query(`${new URLSearchParams({ x: '', name: values[0]! })}`).text('name')).toBe(values[0]);
        expect(decodePathPart('name', encodeURIComponent(values[0]!))).toBe(values[0]);
      }),
    );
  });

  it('of anything at all is read or refused with a sentence', () => {
    const piece = fc.oneof(fc.constantFrom('%', '%z', '%ff', '%e4%b8', '&', '=', ',', '+', 'user', '%00'), fc.string());
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const query = new Query(pieces.join(''));
        for (const read of [query.text, query.list, query.integer] as Array<(name: string) => unknown>) {
          for (const name of ['user', '']) {
            try {
              read.call(query, name);
            } catch (error) {
              expect(error).toBeInstanceOf(HttpProblem);
              expect((error as HttpProblem).status).toBe(400);
            }
          }
        }
      }),
    );
  });

  it('has the first of two values, and numbers that are whole', () => {
    const query = new Query('a=1&a=2&b=+3&c=1e3&d=0x10&e=9007199254740991&f=9007199254740992&g=-1&h=');
    expect([query.text('a'), query.integer('a'), query.list('a')]).toEqual(['1', 1, ['1', '2']]);
    expect([query.integer('e'), query.integer('h'), query.integer('nothing')]).toEqual([
      9007199254740991,
      undefined,
      undefined,
    ]);
    for (const name of ['b', 'c', 'd', 'f', 'g']) expect(() => query.integer(name)).toThrow(`${name} must be`);
  });
});
