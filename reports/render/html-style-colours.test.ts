import { expect, it } from 'vitest';
import { DARK, LIGHT } from './html-style-colours.ts';

/** WCAG 2.2: 4.5 for text (1.4.3), 3 for lines and marks (1.4.11). */
const TEXT = ['ink', 'muted', 'accent', 'pass', 'fail', 'warn', 'limit'];
const LINES = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6'];

it.each([
  ['light', LIGHT],
  ['dark', DARK],
])('keeps AA contrast in the %s theme', (_name, palette) => {
  const colours = Object.fromEntries(
    [...palette.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1]!, match[2]!]),
  );
  for (const ground of ['page', 'surface', 'shade']) {
    for (const name of TEXT)
      expect(contrast(colours[name]!, colours[ground]!), `${name} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    for (const name of LINES)
      expect(contrast(colours[name]!, colours[ground]!), `${name} on ${ground}`).toBeGreaterThanOrEqual(3);
  }
});

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
}

/** WCAG 2.2, relative luminance. */
function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
