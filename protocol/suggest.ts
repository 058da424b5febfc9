// Finds what somebody who wrote an unknown name may have meant. For messages only: nothing is ever corrected.

/** The known name nearest to `name`; undefined when none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 64) return undefined;
  const plain = fold(name);
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = fold(candidate);
    if (plain === other) return candidate;
    const distance = isWithin(plain, other) || isWithin(other, plain) ? 0.5 : editDistance(plain, other);
    const allowed = Math.max(1, Math.floor(Math.max(plain.length, other.length) / 3));
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** request_id, Request-Id and requestId are one. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[_\s-]/g, '');
}

/** True for abbreviations: the letters of `short` come in `long` in the same order, beginning with the first. */
function isWithin(short: string, long: string): boolean {
  if (short.length < 2 || short[0] !== long[0]) return false;
  let found = 0;
  for (const letter of long) if (letter === short[found]) found++;
  return found === short.length;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
