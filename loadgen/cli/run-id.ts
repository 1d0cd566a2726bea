/** Run ids sort by time and can be typed: `20261121-143005-smoke-k3f9`. */
import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

export function createRunId(scenario: string, nowMs: number, random: Uint8Array = randomBytes(4)): string {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const tail = [...random].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return `${stamp}-${scenario}-${tail}`;
}
