/**
 * The query and the path parameters of a request, decoded with care: what is not valid percent-encoding of UTF-8 is a
 * problem of the client's, never a guess.
 */
import { HttpProblem } from './http-problem.ts';

/** The parameters of a query; of one that comes twice the first counts, except for `list`. */
export class Query {
  readonly #pairs: Array<[name: string, value: string]>;

  /** `text`: what follows the `?`. Nothing is decoded, and so nothing refused, before it is asked for. */
  constructor(text: string) {
    this.#pairs = text === '' ? [] : text.split('&').map(pairOf);
  }

  /** Empty when there is none. */
  text(name: string): string {
    const pair = this.#pairs.find(([key]) => key === name);
    return pair === undefined ? '' : decode(name, pair[1].replaceAll('+', ' '));
  }

  has(name: string): boolean {
    return this.#pairs.some(([key]) => key === name);
  }

  /** A whole number from 0, or undefined when there is none. */
  integer(name: string): number | undefined {
    const text = this.text(name);
    if (text === '') return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw new HttpProblem(400, `${name} must be a whole number from 0`);
    }
    return value;
  }

  /** All values of a name; commas separate values, too, and one that belongs to a value is written `%2C`. */
  list(name: string): string[] {
    return this.#pairs
      .filter(([key, value]) => key === name && value !== '')
      .flatMap(([, value]) => value.split(','))
      .map((value) => decode(name, value.replaceAll('+', ' ')));
  }
}

/** A part of a path. */
export function decodePathPart(what: string, text: string): string {
  return decode(what, text);
}

function pairOf(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(what: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpProblem(400, `${what} is not valid percent-encoding of UTF-8`);
  }
}
