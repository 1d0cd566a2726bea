/** Kinds of fields that scenarios have: written as numbers or text, checked, and read as numbers. */
import { z } from 'zod';
import { parseCount, parseDuration, parseNumber } from '../loadgen/units.ts';

export const duration = quantity(parseDuration);
export const number = quantity(parseNumber);
export const positive = number.refine((value) => value > 0, 'must be above 0');
export const count = quantity(parseCount);
export const countPositive = count.refine((value) => value > 0, 'must be 1 or more');
export const sentence = z.string().trim().min(1, 'must not be empty');
export const share = z.number().min(0, 'must be 0 or more').max(1, 'must be at most 1');
export const arrivals = z.enum(['poisson', 'constant', 'lognormal']).default('poisson');

/** A field that is written as a number or as text and read by one of units.ts's parsers. */
function quantity(parse: (written: string | number) => number) {
  return z.union([z.string(), z.number()], 'must be a number or text with a unit').transform((written, context) => {
    try {
      return parse(written);
    } catch (error) {
      context.addIssue({ code: 'custom', message: `is wrong: ${(error as Error).message}` });
      return z.NEVER;
    }
  });
}
