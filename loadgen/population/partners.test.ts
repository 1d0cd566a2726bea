import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segmentOf } from '../coordinator/segments.ts';
import { createRandom } from '../random.ts';
import { contactsOf, createPartners, type PartnerSpec, partnerOf, userName, writerTo } from './partners.ts';

const population = fc.integer({ min: 2, max: 3000 });

describe('partners', () => {
  it('give everyone one to write to and one to hear from, never themselves', () => {
    fc.assert(
      fc.property(population, (users) => {
        const all = Array.from({ length: users }, (_, i) => i);
        const partners = all.map((i) => partnerOf(i, users));
        expect(new Set(partners).size).toBe(users);
        expect(all.every((i) => partners[i] !== i && writerTo(partners[i]!, users) === i)).toBe(true);
      }),
    );
  });

  it('are mutual, but for a ring of three where the number is odd', () => {
    fc.assert(
      fc.property(population, (users) => {
        const oneSided = Array.from({ length: users }, (_, i) => i).filter(
          (i) => partnerOf(partnerOf(i, users), users) !== i,
        );
        expect(oneSided).toHaveLength(users % 2 === 0 ? 0 : 3);
      }),
    );
  });

  it('are never in one agent for even numbers, and in at most one case for odd ones', () => {
    fc.assert(
      fc.property(population, fc.integer({ min: 2, max: 12 }), (users, agents) => {
        fc.pre(users >= 2 * agents);
        const together = Array.from({ length: users }, (_, i) => i).filter(
          (i) => segmentOf(i, users, agents) === segmentOf(partnerOf(i, users), users, agents),
        );
        expect(together.length).toBeLessThanOrEqual(users % 2);
      }),
    );
  });

  it('need two users', () => {
    expect(partnerOf(0, 2)).toBe(1);
    expect([0, 1, 2].map((i) => partnerOf(i, 3))).toEqual([1, 2, 0]);
    expect(() => partnerOf(0, 1)).toThrow('a conversation needs at least 2 users, not 1');
    expect(() => partnerOf(5, 5)).toThrow('there is no user 5 of 5');
  });
});

it('names users by number', () => {
  expect(userName(0)).toBe('u0');
  expect(userName(49_999)).toBe('u49999');
});

const spec: fc.Arbitrary<PartnerSpec> = fc.oneof(
  fc.constant({ kind: 'pairs' } as const),
  fc.constant({ kind: 'uniform' } as const),
  fc.record({
    kind: fc.constant('zipf' as const),
    exponent: fc.double({ min: 0, max: 3, noNaN: true }),
    contacts: fc.integer({ min: 1, max: 300 }),
  }),
);
const ZIPF = { kind: 'zipf', exponent: 1, contacts: 4 } as const;

/** How often user `index` writes to whom. */
function counted(partners: PartnerSpec, index: number, users: number, draws: number): Map<number, number> {
  const draw = createPartners(partners, users, 5);
  const random = createRandom(11);
  const seen = new Map<number, number>();
  for (let i = 0; i < draws; i++) {
    const partner = draw(index, random);
    seen.set(partner, (seen.get(partner) ?? 0) + 1);
  }
  return seen;
}

describe('drawn partners', () => {
  it('are others of the population, and contacts where there are contacts', () => {
    fc.assert(
      fc.property(spec, population, fc.nat(), fc.integer(), (partners, users, at, seed) => {
        const index = at % users;
        const draw = createPartners(partners, users, seed);
        const random = createRandom(seed);
        const contacts = new Set(contactsOf(partners, index, users, seed, 300));
        for (let i = 0; i < 20; i++) {
          const partner = draw(index, random);
          expect(partner !== index && Number.isInteger(partner) && partner >= 0 && partner < users).toBe(true);
          if (partners.kind !== 'uniform') expect(contacts).toContain(partner);
        }
      }),
    );
  });

  it('uniform: everybody else equally often', () => {
    const seen = counted({ kind: 'uniform' }, 3, 11, 20_000);
    expect([...seen.keys()].sort((a, b) => a - b)).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9, 10]);
    const chiSquare = [...seen.values()].reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0);
    expect(chiSquare).toBeLessThan(27.9); // 99.9% of χ² with 9 degrees of freedom
  });

  it('zipf: rank r with weight 1/r', () => {
    const contacts = contactsOf(ZIPF, 7, 1000, 5, 10);
    const seen = counted(ZIPF, 7, 1000, 25_000);
    expect(contacts).toHaveLength(4);
    expect(seen.size).toBe(4);
    // 12 : 6 : 4 : 3 of 25
    for (const [rank, expected] of [12_000, 6000, 4000, 3000].entries())
      expect(Math.abs(seen.get(contacts[rank]!)! - expected)).toBeLessThan(4 * Math.sqrt(expected));
  });

  it('zipf: with exponent 0 all contacts are alike', () => {
    const seen = counted({ ...ZIPF, exponent: 0 }, 7, 1000, 8000);
    expect(seen.size).toBe(4);
    for (const times of seen.values()) expect(Math.abs(times - 2000)).toBeLessThan(200);
  });

  it('zipf: everybody is written to about as often, and most of it comes from other agents', () => {
    const users = 4000;
    const agents = 4;
    const draw = createPartners({ kind: 'zipf', exponent: 1.2, contacts: 50 }, users, 1);
    const random = createRandom(2);
    const heard = new Array<number>(users).fill(0);
    let elsewhere = 0;
    const draws = 25 * users;
    for (let i = 0; i < draws; i++) {
      const partner = draw(i % users, random);
      heard[partner]! += 1;
      if (segmentOf(partner, users, agents) !== segmentOf(i % users, users, agents)) elsewhere += 1;
    }
    expect(elsewhere / draws).toBeCloseTo(0.75, 1);
    expect(Math.min(...heard)).toBeGreaterThan(0);
    expect(Math.max(...heard)).toBeLessThan(8 * 25);
  });
});

describe('contacts', () => {
  it('are distinct others, the same every time, and the first of a longer list', () => {
    fc.assert(
      fc.property(
        spec,
        population,
        fc.nat(),
        fc.integer(),
        fc.integer({ min: 0, max: 400 }),
        (s, users, at, seed, most) => {
          const index = at % users;
          const contacts = contactsOf(s, index, users, seed, most);
          const available = s.kind === 'pairs' ? 1 : s.kind === 'zipf' ? Math.min(s.contacts, users - 1) : users - 1;
          expect(contacts).toHaveLength(Math.min(most, available));
          expect(new Set(contacts).size).toBe(contacts.length);
          expect(contacts.every((user) => user !== index && user >= 0 && user < users)).toBe(true);
          expect(contactsOf(s, index, users, seed, most + 7).slice(0, most)).toEqual(contacts);
        },
      ),
    );
  });

  it('are others for another seed and another user', () => {
    const lists = [
      [1, 1],
      [2, 1],
      [1, 2],
    ].map(([index, seed]) => contactsOf({ kind: 'uniform' }, index!, 10_000, seed!, 5).join());
    expect(new Set(lists).size).toBe(3);
  });

  it.each<[string, PartnerSpec, number, string]>([
    ['one user', { kind: 'uniform' }, 1, 'a conversation needs at least 2 users, not 1'],
    ['more users than can be told apart', { kind: 'uniform' }, 2 ** 32, 'at most 2147483648 users'],
    ['no contacts', { ...ZIPF, contacts: 0 }, 10, 'contacts must be a whole number of 1 or more, not 0'],
    ['half a contact', { ...ZIPF, contacts: 1.5 }, 10, 'not 1.5'],
    ['a negative exponent', { ...ZIPF, exponent: -1 }, 10, 'the exponent of the partners must be 0 or more, not -1'],
    ['no exponent', { ...ZIPF, exponent: Number.NaN }, 10, 'not NaN'],
  ])('refuse %s', (_, partners, users, message) => {
    expect(() => createPartners(partners, users, 1)).toThrow(message);
  });
});
