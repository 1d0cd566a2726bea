/** Colour, width and wrapping of terminal text. */
import { stripVTControlCharacters } from 'node:util';

const CODES = { none: '', bold: '1', dim: '2', red: '31', green: '32', yellow: '33' } as const;

export type Style = keyof typeof CODES;
export type Paint = (text: string, ...styles: Style[]) => string;

/** Without colour, text passes through unchanged. */
export function painter(colour: boolean): Paint {
  return (text, ...styles) => {
    const codes = styles.map((style) => CODES[style]).filter((code) => code !== '');
    return colour && codes.length > 0 ? `\u001b[${codes.join(';')}m${text}\u001b[0m` : text;
  };
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visibleWidth(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - visibleWidth(text))) + text;
}

/** Lines of at most `width` columns, broken at spaces; a longer word is kept whole. Control characters are taken out. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    if (line !== '' && visibleWidth(line) + 1 + visibleWidth(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** One line without control characters: a scenario's name must not be able to move the cursor or colour the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '');
}

/** Columns, without escape sequences. */
export function visibleWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
