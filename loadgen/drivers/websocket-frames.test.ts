import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameReader, type FrameSink, MaskedFrameWriter, OPCODE, WebSocketProtocolError } from './websocket-frames.ts';

const bytes = (hex: string) => Buffer.from(hex.replace(/\s+/g, ''), 'hex');

/** What a sequence of reads leads to, as text. */
function readAll(reads: Buffer[], maxMessageBytes = 1000): string[] {
  const seen: string[] = [];
  const sink: FrameSink = {
    onMessage: (data, binary) => seen.push(`${binary ? 'binary' : 'text'} ${data.toString('hex')}`),
    onPing: (data) => seen.push(`ping ${data.toString('hex')}`),
    onClose: (code, reason) => seen.push(`close ${code} ${reason}`),
  };
  const reader = new FrameReader();
  for (const read of reads) reader.read(read, maxMessageBytes, sink);
  return seen;
}

describe('reading', () => {
  test.each([
    ['82 00', 'binary '],
    ['82 03 010203', 'binary 010203'],
    ['81 02 6869', 'text 6869'],
    [`82 7e 0080 ${'ab'.repeat(128)}`, `binary ${'ab'.repeat(128)}`],
    ['82 7f 0000000000000001 cd', 'binary cd'],
    ['89 01 07', 'ping 07'],
    ['88 00', 'close 1005 '],
    ['88 05 10cd 627965', 'close 4301 bye'],
  ])('%s → %s', (hex, expected) => {
    expect(readAll([bytes(hex)])).toEqual([expected]);
  });

  test('fragments with a ping between them', () => {
    expect(readAll([bytes('01 02 6869 89 00 00 01 21 80 01 3f')])).toEqual(['ping ', 'text 6869213f']);
  });

  test('nothing is read after a close', () => {
    expect(readAll([bytes('88 00 82 01 01'), bytes('82 01 02')])).toEqual(['close 1005 ']);
  });

  test('a text character may be split over fragments', () => {
    expect(readAll([bytes('01 01 c3 80 01 a9')])).toEqual(['text c3a9']);
  });

  test.each([
    ['c2 00', 1002, 'a reserved bit is set'],
    ['82 81 00000000 00', 1002, 'a server frame is masked'],
    ['83 00', 1002, 'unknown opcode 3'],
    ['8b 00', 1002, 'unknown opcode 11'],
    ['09 00', 1002, 'a control frame is fragmented or too long'],
    ['89 7e 0080', 1002, 'a control frame is fragmented or too long'],
    ['80 00', 1002, 'a continuation without a beginning'],
    ['02 00 82 00', 1002, 'a message began inside another'],
    ['81 01 ff', 1007, 'a text message is not valid UTF-8'],
    ['88 01 03', 1002, 'a close frame has half a code'],
    ['88 02 03ed', 1002, 'a close frame has the invalid code 1005'],
    ['88 02 1388', 1002, 'a close frame has the invalid code 5000'],
    ['88 03 03e8 ff', 1007, 'a close reason is not valid UTF-8'],
    ['82 7e 03e9', 1009, 'a message is larger than 1000 bytes'],
    ['82 7f 8000000000000000', 1009, 'a message is larger than 1000 bytes'],
    [`02 7e 03e8 ${'00'.repeat(1000)} 80 01 00`, 1009, 'a message is larger than 1000 bytes'],
  ])('%s → %i %s', (hex, code, message) => {
    const error = catchError(() => readAll([bytes(hex)]));
    expect(error).toBeInstanceOf(WebSocketProtocolError);
    expect(error).toMatchObject({ code, message });
  });

  const stream = bytes(
    `82 03 010203 01 02 6869 89 01 07 80 01 21 82 7e 0100 ${'5a'.repeat(256)} 82 7f 0000000000000002 0909 82 00 88 05 10cd 627965`,
  );
  const whole = readAll([stream]);

  test('split in two at every byte, the same comes out', () => {
    for (let cut = 0; cut <= stream.length; cut++)
      expect(readAll([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(whole);
  });

  test('byte by byte, the same comes out', () => {
    expect(readAll([...stream].map((byte) => Buffer.from([byte])))).toEqual(whole);
  });

  test('split anywhere into any number of reads, the same comes out', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
        expect(readAll(at.slice(1).map((to, i) => stream.subarray(at[i], to)))).toEqual(whole);
      }),
    );
  });

  test('any bytes throw nothing but WebSocketProtocolError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), (reads) => {
        const error = catchError(() => readAll(reads.map((r) => Buffer.from(r))));
        if (error !== undefined) expect(error).toBeInstanceOf(WebSocketProtocolError);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('writing', () => {
  test('the example of RFC 6455, section 5.7', () => {
    const w = new MaskedFrameWriter(() => 0x3d21fa37);
    w.append(OPCODE.text, Buffer.from('Hello'));
    expect(w.buffer.subarray(0, w.length).toString('hex')).toBe('818537fa213d7f9f4d5158');
  });

  test('frames of any sizes, one after another, unmask to what was appended', () => {
    const payloads = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_001).map((n) => new Uint8Array(n).fill(n)),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(payloads, fc.infiniteStream(fc.integer()), (list, masks) => {
        const w = new MaskedFrameWriter(() => masks.next().value, 64);
        for (const payload of list) w.append(OPCODE.binary, payload);
        expect(readAll([unmasked(w.buffer.subarray(0, w.length))], 100_000)).toEqual(
          list.map((payload) => `binary ${Buffer.from(payload).toString('hex')}`),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('an abandoned buffer is not written to again', () => {
    const w = new MaskedFrameWriter(() => 1);
    w.append(OPCODE.binary, bytes('0102'));
    const first = w.buffer.subarray(0, w.length);
    const before = first.toString('hex');
    w.append(OPCODE.binary, bytes('0304'));
    w.abandon(first.length);
    expect(w.buffer.subarray(0, w.length).toString('hex')).toBe(before);
    w.length = 0;
    w.append(OPCODE.binary, bytes('ffffffff'));
    expect(first.toString('hex')).toBe(before);
  });
});

/** The same frames as a server would send them: the naive way to unmask. */
function unmasked(data: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length; ) {
    const short = data[at + 1]! & 0x7f;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    const size = short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
    const key = data.subarray(at + header, at + header + 4);
    const head = Buffer.from(data.subarray(at, at + header));
    head[1]! &= 0x7f;
    const payload = data.subarray(at + header + 4, at + header + 4 + size).map((byte, i) => byte ^ key[i % 4]!);
    parts.push(head, Buffer.from(payload));
    at += header + 4 + size;
  }
  return Buffer.concat(parts);
}

function catchError(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
