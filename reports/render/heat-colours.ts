/** Colours of heat maps: lightness climbs in even steps, as eyes see it (OKLCH), away from the page's own colour in either theme. */

const STEPS = 24;

/** From few samples to many, `#rrggbb`: on white ever darker, from teal to indigo; on the dark page ever lighter, the other way. */
export const HEAT_LIGHT = palette({ lightness: [0.93, 0.3], chroma: [0.045, 0.13], hue: [195, 275] });
export const HEAT_DARK = palette({ lightness: [0.32, 0.95], chroma: [0.07, 0.08], hue: [275, 190] });

interface Range {
  lightness: [from: number, to: number];
  chroma: [from: number, to: number];
  /** Degrees. */
  hue: [from: number, to: number];
}

function palette({ lightness, chroma, hue }: Range): string[] {
  return Array.from({ length: STEPS }, (_, index) => {
    const share = index / (STEPS - 1);
    const at = ([from, to]: [number, number]) => from + (to - from) * share;
    // Deep teal and pale indigo have less chroma to give than what lies between them.
    return oklchToHex(at(lightness), at(chroma) + 0.04 * Math.sin(Math.PI * share), at(hue));
  });
}

/** Björn Ottosson, "A perceptual color space for image processing" (2020); outside sRGB each channel is clipped. */
function oklchToHex(lightness: number, chroma: number, hueDegrees: number): string {
  const hue = (hueDegrees * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return `#${linear.map(channel).join('')}`;
}

/** sRGB's transfer function, as two hexadecimal digits. */
function channel(linear: number): string {
  const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(Math.max(value, 0), 1))
    .toString(16)
    .padStart(2, '0');
}
