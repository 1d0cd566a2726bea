import { expect, it } from 'vitest';
import { RowBinaryReader } from './row-binary.ts';

it('reads numbers and arrays, and says when bytes are missing', () => {
  const bytes = Buffer.from('0100000001000000' + '03' + '01000000' + '00010000' + 'ffffffff' + '00', 'hex');
  const reader = new RowBinaryReader(bytes);
  expect(reader.uint64()).toBe(2 ** 32 + 1);
  expect([...reader.uint32s()]).toEqual([1, 256, 2 ** 32 - 1]);
  expect([...reader.uint32s()]).toEqual([]);
  expect(reader.done).toBe(true);
  expect(() => reader.uint64()).toThrow(RangeError);
  expect(() => new RowBinaryReader(bytes.subarray(8, 14)).uint32s()).toThrow(RangeError);
});

it('reads lengths of more than a byte', () => {
  const reader = new RowBinaryReader(Buffer.concat([Buffer.from([0x80, 0x02]), Buffer.alloc(4 * 256, 1)]));
  expect(reader.uint32s()).toHaveLength(256);
});
