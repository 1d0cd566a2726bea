import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AWKWARD_TEXT } from './results-fixtures.suite.ts';
import { addRows, byTable, decodeSegment, encodeHead, encodeRecord, totalRows } from './spool-segment.ts';

const HEAD = { runId: 'run', segment: 3, before: { gauges: 12 } };

describe('a segment of a spool', () => {
  it('comes back as it was written', () => {
    const row = fc.dictionary(fc.string({ unit: 'binary' }), fc.oneof(fc.string({ unit: 'binary' }), fc.integer()));
    const record = fc.record({
      table: fc.constantFrom('gauges', 'run_ends'),
      rows: fc.array(row, { minLength: 1, maxLength: 5 }),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 6 }), (records) => {
        const bytes = Buffer.concat([encodeHead(HEAD), ...records.map(({ table, rows }) => encodeRecord(table, rows))]);
        const segment = decodeSegment(bytes, 'file')!;
        expect(segment.head).toEqual(HEAD);
        expect(segment.records.map(({ table, lines }) => ({ table, rows: linesOf(lines) }))).toEqual(
          JSON.parse(JSON.stringify(records)),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('that is cut at any byte has all records that were written whole before, and no other', () => {
    const parts = [
      encodeHead(HEAD),
      encodeRecord('gauges', [{ value: 1 }, { value: 2, text: AWKWARD_TEXT }]),
      encodeRecord('counters', [{ value: 3 }]),
      encodeRecord('gauges', [{ text: '漢字' }, {}]),
    ];
    const whole = Buffer.concat(parts);
    const ends = parts.map((_, index) => Buffer.concat(parts.slice(0, index + 1)).length);
    for (let length = 0; length <= whole.length; length++) {
      const segment = decodeSegment(whole.subarray(0, length), 'file');
      const expected = ends.filter((end) => end <= length).length - 1;
      expect(segment === null ? -1 : segment.records.length).toBe(expected);
    }
  });

  it('whose last record has other bytes than were written (a lost page) ends before it', () => {
    const good = Buffer.concat([encodeHead(HEAD), encodeRecord('gauges', [{ value: 1 }])]);
    const last = encodeRecord('gauges', [{ value: 1234 }]);
    for (let at = 0; at < last.length; at++) {
      const damaged = Buffer.from(last);
      damaged[at] = 0;
      expect(decodeSegment(Buffer.concat([good, damaged]), 'file')!.records).toHaveLength(1);
    }
  });

  it('of another version, or of something else, is refused with a sentence', () => {
    const other = Buffer.from(encodeHead(HEAD).toString().replace('"version":1', '"version":7'));
    expect(() => decodeSegment(other, 'dir/file')).toThrow(/dir\/file have format 7, .* reads format 1/);
    for (const text of ['{}\n', 'years of work\n', `${'x'.repeat(70_000)}`])
      expect(() => decodeSegment(Buffer.from(text), 'thesis.txt')).toThrow(/thesis\.txt holds something else/);
  });

  it('counts its rows by table', () => {
    const records = [
      { table: 'gauges', rows: 2, lines: Buffer.from('a') },
      { table: 'counters', rows: 1, lines: Buffer.from('b') },
      { table: 'gauges', rows: 3, lines: Buffer.from('c') },
    ];
    expect([...byTable(records)].map(([table, { rows, lines }]) => [table, rows, lines.join('')])).toEqual([
      ['gauges', 5, 'ac'],
      ['counters', 1, 'b'],
    ]);
    const counts = addRows({ gauges: 1, ledger: 1 }, records);
    expect(counts).toEqual({ gauges: 6, counters: 1, ledger: 1 });
    expect(totalRows(counts)).toBe(8);
  });
});

function linesOf(lines: Buffer): unknown[] {
  const texts = lines.toString().split('\n');
  expect(texts.pop()).toBe('');
  return texts.map((text) => JSON.parse(text));
}
