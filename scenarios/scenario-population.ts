/** Schema of `population`: whom the load stands for. */
import { z } from 'zod';
import { count, countPositive, duration, number, positive, sentence, share } from './scenario-fields.ts';

/** Room for what an agent writes into each message to recognise it again. */
export const MESSAGE_BYTES_MIN = 36;
export const MESSAGE_BYTES_MAX = 65_536;

const messageBytes = count.refine(
  (bytes) => bytes >= MESSAGE_BYTES_MIN && bytes <= MESSAGE_BYTES_MAX,
  `must be from ${MESSAGE_BYTES_MIN} to ${MESSAGE_BYTES_MAX} bytes`,
);

const members = count.refine((value) => value >= 2, 'must be 2 or more');
const sigma = z.number().gt(0, 'must be above 0').max(4, 'must be at most 4').default(1);

/** `population` as checked: defaults filled in, quantities as numbers. */
export const population = z.strictObject({
  dau: countPositive.optional(),
  messagesPerUserPerDay: number.optional(),
  nodes: countPositive.default(1),
  sliceNodes: countPositive.default(1),
  shareOnline: z.number().gt(0, 'must be above 0').max(1, 'must be at most 1').optional(),
  sessions: z
    .strictObject({ perUserPerDay: positive, length: duration.refine((ms) => ms >= 1000, 'must be 1s or more') })
    .optional(),
  hourlyCurve: z
    .union(
      [
        z.enum(['regional', 'global']),
        z
          .array(z.number().min(0, 'must be 0 or more'))
          .length(24, 'must have 24 numbers, one per hour')
          .refine((curve) => curve.some((value) => value > 0), 'must not be all 0'),
      ],
      'must be "regional", "global" or 24 numbers of 0 or more, not all 0',
    )
    .default('regional'),
  timeZones: z
    .array(
      z.strictObject({
        utcOffset: z.number().min(-12, 'must be -12 or more').max(14, 'must be at most 14'),
        share: z.number().gt(0, 'must be above 0'),
      }),
    )
    .min(1, 'must have at least one time zone')
    .optional(),
  messageBytes: z
    .union(
      [
        messageBytes,
        z.strictObject({ median: messageBytes, sigma, max: messageBytes.default(4096) }),
        z.strictObject({ file: sentence }),
      ],
      `must be from ${MESSAGE_BYTES_MIN} to ${MESSAGE_BYTES_MAX} bytes, { median, sigma?, max? } or { file }`,
    )
    .default(100),
  partners: z
    .union(
      [
        z.enum(['pairs', 'uniform']),
        z.strictObject({ zipf: z.number().min(0, 'must be 0 or more').max(5), contacts: countPositive.default(20) }),
      ],
      'must be "pairs", "uniform" or { zipf, contacts? }',
    )
    .default('pairs'),
  groups: z
    .strictObject({
      share: share.default(0),
      count: countPositive,
      members: z.union(
        [
          members,
          z.strictObject({ median: members, sigma, max: members.default(1000) }),
          z.strictObject({ zipf: z.number().gt(0, 'must be above 0').max(5), max: members }),
        ],
        'must be a number of 2 or more, { median, sigma?, max? } or { zipf, max }',
      ),
    })
    .optional(),
  presence: z.strictObject({ contacts: countPositive.refine((n) => n <= 256, 'must be at most 256') }).optional(),
  devices: z.number().min(1, 'must be 1 or more').max(10, 'must be at most 10').default(1),
});
