/** The name that was probably meant, for error messages. */

/** The known name closest to `written`, if it is close enough to be a slip of the keyboard (about a third of its letters). */
export function closestName(written: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(written.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(written.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** `; did you mean "x"?`, or the list of what is known when nothing is close. */
export function suggestion(written: string, known: readonly string[]): string {
  const name = closestName(written, known);
  return name === undefined ? ` (known: ${known.join(', ')})` : `; did you mean "${name}"?`;
}

/** Levenshtein distance: insertions, deletions and substitutions of one letter each. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, substitution));
    }
    row = next;
  }
  return row[b.length]!;
}
