import { expect, test } from 'vitest';
import { MESSAGE_HEADER_BYTES, readHeader, writeHeader } from './message-header.ts';

const header = {
  stream: 3,
  runTag: 0xdeadbeef,
  sender: 1,
  recipient: 4_294_967_295,
  number: 7,
  intendedMs: 1.5,
  actualMs: 1_700_000_000_000.25,
};

test('the bytes', () => {
  const body = Buffer.alloc(MESSAGE_HEADER_BYTES + 2, 0x61);
  writeHeader(body, header);
  expect(body.toString('hex')).toBe('504c4903deadbeef00000001ffffffff000000073ff80000000000004278bcfe568004006161');
  expect(readHeader(body)).toEqual(header);
  expect(readHeader(new Uint8Array(body))).toEqual(header);
});

test('a body without a header has none', () => {
  expect(readHeader(Buffer.alloc(MESSAGE_HEADER_BYTES))).toBeNull();
  expect(readHeader(Buffer.from('PLIM'))).toBeNull();
});
