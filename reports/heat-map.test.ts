import { expect, it } from 'vitest';
import { buildHeatMap, heatRow, heatStep } from './heat-map.ts';

const place = { metric: 'delivery_latency', startMs: 0, stepSeconds: 1 } as const;

it('has four rows an octave', () => {
  expect([0.2, 1, 2, 3, 4, 1024, 3_600_000_000].map(heatRow)).toEqual([0, 0, 4, 6, 8, 40, 126]);
});

it('keeps columns without samples, and rows between samples', () => {
  const cells = [
    { column: 2, row: 9, count: 1 },
    { column: 2, row: 7, count: 5 },
    { column: 2, row: 9, count: 1 },
  ];
  expect(buildHeatMap(place, cells)).toEqual({
    ...place,
    rowsPerOctave: 4,
    columns: [
      { row: 0, counts: [] },
      { row: 0, counts: [] },
      { row: 7, counts: [5, 0, 2] },
    ],
  });
  expect(buildHeatMap(place, []).columns).toEqual([]);
});

it('joins rows and columns that are too many, and loses no sample', () => {
  const cells = Array.from({ length: 4000 }, (_, index) => ({ column: index % 400, row: (index * 7) % 127, count: 1 }));
  const map = buildHeatMap(place, cells, { columns: 100, rows: 40, cells: 1500 });
  expect(map.rowsPerOctave).toBe(1);
  expect(map.columns.length).toBeLessThanOrEqual(100);
  expect(map.columns.length * map.stepSeconds).toBe(400);
  expect(map.columns.flatMap(({ counts }) => counts).reduce((sum, count) => sum + count, 0)).toBe(4000);
  expect(map.columns.reduce((sum, { counts }) => sum + counts.length, 0)).toBeLessThanOrEqual(1500);
});

it('takes as many seconds to a column as the length of a run asks for', () => {
  expect([1, 512, 513, 3600, 43_200].map((seconds) => heatStep(seconds))).toEqual([1, 1, 2, 8, 85]);
});
