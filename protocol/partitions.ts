// Which partition a sku belongs to: the same function for the grid, which places partitions on workers, and for clients
// that follow its map. Part of what is stored and said on the wire: another function needs another name.
import { codeUnitAt } from './code-units.ts';

/** The name stored with the region's layout and given with its map; whoever has another one may not place by it. */
export const PARTITION_HASH = 'fnv1a32-fmix32';

/** The partition of a sku: FNV-1a over its UTF-8 bytes, finished by murmur3's fmix32 because FNV's low bits are weak. */
export function partitionOf(sku: string, partitions: number): number {
  let h = 0x811c9dc5;
  const { length } = sku;
  for (let i = 0; i < length; i++) {
    const unit = codeUnitAt(sku, i);
    if (unit < 0x80) {
      h = Math.imul(h ^ unit, 0x01000193);
      continue;
    }
    const code = sku.codePointAt(i) as number;
    if (code < 0x800) {
      h = Math.imul(h ^ (0xc0 | (code >> 6)), 0x01000193);
      h = Math.imul(h ^ (0x80 | (code & 63)), 0x01000193);
    } else if (code < 0x10000) {
      h = Math.imul(h ^ (0xe0 | (code >> 12)), 0x01000193);
      h = Math.imul(h ^ (0x80 | ((code >> 6) & 63)), 0x01000193);
      h = Math.imul(h ^ (0x80 | (code & 63)), 0x01000193);
    } else {
      i++;
      h = Math.imul(h ^ (0xf0 | (code >> 18)), 0x01000193);
      h = Math.imul(h ^ (0x80 | ((code >> 12) & 63)), 0x01000193);
      h = Math.imul(h ^ (0x80 | ((code >> 6) & 63)), 0x01000193);
      h = Math.imul(h ^ (0x80 | (code & 63)), 0x01000193);
    }
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) % partitions;
}
