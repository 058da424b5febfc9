// Draws that depend on what they are for, not on when they are made: the same seed and labels give the same number, in any
// order of calls. So two policies over one world meet the same luck (common random numbers).

/** Odd constants of murmur3's finaliser (Austin Appleby, public domain): each input bit changes half of the output's. */
function mixed(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a over the text's code units, 32 bits. */
function hashed(text: string, basis: number): number {
  let hash = basis;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixed(hash);
}

/** Between 0 (included) and 1 (excluded), with 53 bits. */
export function draw(seed: number, ...labels: readonly (string | number)[]): number {
  const text = labels.join('\u0000');
  const high = hashed(text, mixed(seed ^ 0x811c9dc5)) >>> 5;
  const low = hashed(text, mixed(seed ^ 0x9e3779b9)) >>> 6;
  return (high * 2 ** 26 + low) / 2 ** 53;
}

/** Exponential with this mean. */
export function drawExponential(mean: number, seed: number, ...labels: readonly (string | number)[]): number {
  return -Math.log1p(-draw(seed, ...labels)) * mean;
}

/** Ten characters of lower case and digits, for names. */
export function drawName(seed: number, ...labels: readonly (string | number)[]): string {
  return Math.floor(draw(seed, 'name', ...labels) * 36 ** 10)
    .toString(36)
    .padStart(10, '0');
}
