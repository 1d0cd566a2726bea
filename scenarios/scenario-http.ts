/** Schema of `http`: calls beside the messages. */
import { z } from 'zod';
import { countPositive } from './scenario-fields.ts';

const httpRequest = z.strictObject({
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  path: z
    .string()
    .regex(/^\/[^\s#]*$/, 'must begin with "/" and have neither blanks nor "#"')
    .refine(knownPlaceholders, 'may name {user} and {peer} in braces, nothing else'),
  headers: z
    .record(
      z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be a header name'),
      z.string().regex(/^[^\r\n]*$/, 'must be one line'),
    )
    .default({}),
  body: z.string().optional(),
  weight: z.number().gt(0, 'must be above 0').default(1),
});

export const http = z.strictObject({
  rate: countPositive,
  connections: countPositive.refine((connections) => connections <= 1000, 'must be at most 1000').default(10),
  requests: z.array(httpRequest).min(1, 'must have at least one request'),
});

function knownPlaceholders(path: string): boolean {
  return !/[{}]/.test(path.replaceAll(/\{(user|peer)\}/g, ''));
}
