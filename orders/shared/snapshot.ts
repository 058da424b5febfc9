// A snapshot as it is kept: what another version wrote is none.
import { pack, unpack } from 'msgpackr';
import type { Snapshot } from './log.ts';

const FORMAT = 'holdfast.shared.snapshot/1';

export function packSnapshot({ bytes, position }: Snapshot): Buffer {
  return pack({ format: FORMAT, bytes, position });
}

export function unpackSnapshot(file: Uint8Array): Snapshot | undefined {
  try {
    const { format, bytes, position } = unpack(file) as Snapshot & { readonly format?: string };
    return format === FORMAT ? { bytes, position } : undefined;
  } catch {
    return undefined;
  }
}
