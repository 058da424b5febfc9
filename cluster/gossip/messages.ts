// What workers say to each other when they gossip, and its bytes: MessagePack, arrays by position. Reading trusts nothing;
// what is not exactly as written here is refused whole.
import { Packr } from 'msgpackr';
import { REGION_LENGTH_MAX, SKU_LENGTH_MAX } from '../../protocol/limits.ts';
import {
  ADDRESS_LENGTH_MAX,
  AGES_MAX,
  MESSAGE_BYTES_MAX,
  PARTITIONS_MAX,
  REGIONS_MAX,
  VALUE_BYTES_MAX,
  WORKERS_MAX,
} from './limits.ts';

/** A region's workers, as its view of members has them. Greater versions are later. */
export interface RegionWorkers {
  readonly region: string;
  readonly version: number;
  readonly partitions: number;
  readonly workers: readonly { readonly id: string; readonly address: string; readonly url: string }[];
}

/** How far a reader has the registers of a partition: all that was stamped up to n in the epoch. 0, 0: nothing. */
export interface Stamp {
  readonly epoch: number;
  readonly n: number;
  /** Whether these are all the skus that the owner had. */
  readonly isComplete: boolean;
}

/** What a reader has, and wants more of. */
export interface Digest {
  /** The versions of all directories it has; regions it does not name it has never heard of. */
  readonly directories: readonly (readonly [region: string, version: number])[];
  /** The regions that it asks for, each with the stamp of every partition. */
  readonly regions: readonly { readonly region: string; readonly stamps: readonly Stamp[] }[];
}

/** One register. */
export type Item = readonly [stamp: number, sku: string, epoch: number, seq: number, value: Uint8Array];

/** What a partition has beyond a reader's stamp: every register stamped after `from`, up to `to`. */
export interface Delta {
  readonly partition: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  /** Up to `to` it is what the owner had told by this stamp: what moved to a later one meanwhile is in neither. */
  readonly of: number;
  /** The owner had told all its actors by this stamp; undefined: not yet, as far as is known. */
  readonly completeAt: number | undefined;
  /** How old what is known here is, ms, where `to` is all of it; undefined: there is more, or it is not known. */
  readonly ageMs: number | undefined;
  /** The worker that owns the partition. */
  readonly holder: string;
  readonly items: readonly Item[];
}

/** Of one region; of a partition that is neither in a delta nor has an age nothing can be said. */
export interface RegionAnswer {
  readonly region: string;
  readonly deltas: readonly Delta[];
  /** Partitions of which no more is known here than the reader has, by how old that is here at most, ms. */
  readonly ages: readonly PartitionsOfAge[];
}

export type PartitionsOfAge = readonly [ageMs: number, partitions: readonly number[]];

export interface Answer {
  readonly directories: readonly RegionWorkers[];
  readonly regions: readonly RegionAnswer[];
}

/** The bytes are no message of ours, or one out of bounds. */
export class BadGossip extends Error {
  override readonly name = 'BadGossip';
}

const VERSION = 1;
const packr = new Packr({ useRecords: false, int64AsType: 'number', variableMapSize: true });

export function encodeDigest({ directories, regions }: Digest): Uint8Array {
  const told = regions.map(({ region, stamps }) => {
    // Most partitions of a region have the same epoch: the difference is one byte.
    const base = Math.max(0, ...stamps.map(({ epoch }) => epoch));
    return [region, base, stamps.flatMap(({ epoch, n, isComplete }) => [base - epoch, 2 * n + Number(isComplete)])];
  });
  return packr.pack([VERSION, directories, told]);
}

/** @throws BadGossip */
export function decodeDigest(bytes: Uint8Array): Digest {
  const [directories, regions] = fields(bytes);
  return {
    directories: list(directories, REGIONS_MAX).map((entry) => {
      const [region, version] = tuple(entry, 2);
      return [text(region, REGION_LENGTH_MAX), integer(version)] as const;
    }),
    regions: list(regions, REGIONS_MAX).map((entry) => {
      const [region, base, flat] = tuple(entry, 3);
      const epochMax = integer(base);
      const numbers = list(flat, 2 * PARTITIONS_MAX);
      if (numbers.length % 2 !== 0) throw new BadGossip('half a stamp');
      const stamps: Stamp[] = [];
      for (let i = 0; i < numbers.length; i += 2) {
        const told = integer(numbers[i + 1]);
        const epoch = epochMax - integer(numbers[i], epochMax);
        stamps.push({ epoch, n: Math.floor(told / 2), isComplete: told % 2 === 1 });
      }
      return { region: text(region, REGION_LENGTH_MAX), stamps };
    }),
  };
}

export function encodeAnswer({ directories, regions }: Answer): Uint8Array {
  return packr.pack([
    VERSION,
    directories.map(({ region, version, partitions, workers }) => [
      region,
      version,
      partitions,
      workers.map(({ id, address, url }) => [id, address, url]),
    ]),
    regions.map(({ region, deltas, ages }) => [
      region,
      deltas.map((delta) => [
        delta.partition,
        delta.epoch,
        delta.from,
        delta.to,
        delta.of,
        delta.completeAt ?? null,
        delta.ageMs ?? null,
        delta.holder,
        delta.items,
      ]),
      ages,
    ]),
  ]);
}

/** At most so many bytes are an item, a delta without its items, and a region without its deltas. */
export function itemBytesMax([stamp, sku, epoch, seq, value]: Item): number {
  const numbers = integerBytes(stamp) + integerBytes(epoch) + integerBytes(seq);
  return 1 + numbers + HEADER_BYTES + Buffer.byteLength(sku) + HEADER_BYTES + value.length;
}
/** @param greatest of its stamps */
export function deltaBytesMax(partition: number, epoch: number, greatest: number, holder: string): number {
  const numbers = integerBytes(partition) + integerBytes(epoch) + 4 * integerBytes(greatest) + INTEGER_BYTES_MAX;
  return 1 + numbers + HEADER_BYTES + Buffer.byteLength(holder) + LIST_HEADER_BYTES;
}
export function regionBytesMax(partitions: number): number {
  return 1 + 5 + 3 * REGION_LENGTH_MAX + 5 + 1 + AGES_MAX * (1 + 9 + 5) + 3 * partitions;
}
export function directoryBytesMax({ workers }: RegionWorkers): number {
  const each = (sum: number, { id, address, url }: RegionWorkers['workers'][number]): number =>
    sum + 1 + 15 + 3 * (id.length + address.length + url.length);
  return workers.reduce(each, 1 + 5 + 3 * REGION_LENGTH_MAX + 18 + 5);
}
/** Of the message itself. */
export const ANSWER_BYTES_MIN = 16;
/** Of a text or bytes of up to 64 KiB, and of a list of any length. */
const HEADER_BYTES = 3;
const LIST_HEADER_BYTES = 5;
const INTEGER_BYTES_MAX = 9;

/** As MessagePack writes an integer ≥ 0. */
function integerBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x100) return 2;
  if (value < 0x10000) return 3;
  return value < 2 ** 32 ? 5 : INTEGER_BYTES_MAX;
}

/** @throws BadGossip */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const [directories, regions] = fields(bytes);
  return {
    directories: list(directories, REGIONS_MAX).map(workersIn),
    regions: list(regions, REGIONS_MAX).map((entry) => {
      const [region, deltas, ages] = tuple(entry, 3);
      return {
        region: text(region, REGION_LENGTH_MAX),
        deltas: list(deltas, PARTITIONS_MAX).map(deltaIn),
        ages: list(ages, AGES_MAX).map((group) => {
          const [ageMs, partitions] = tuple(group, 2);
          const numbers = list(partitions, PARTITIONS_MAX).map((partition) => integer(partition, PARTITIONS_MAX));
          return [integer(ageMs), numbers] as const;
        }),
      };
    }),
  };
}

function workersIn(entry: unknown): RegionWorkers {
  const [region, version, partitions, workers] = tuple(entry, 4);
  const count = integer(partitions, PARTITIONS_MAX);
  if (count === 0) throw new BadGossip('a region without partitions');
  return {
    region: text(region, REGION_LENGTH_MAX),
    version: integer(version),
    partitions: count,
    workers: list(workers, WORKERS_MAX).map((worker) => {
      const [id, address, url] = tuple(worker, 3);
      return {
        id: text(id, SKU_LENGTH_MAX),
        address: text(address, ADDRESS_LENGTH_MAX),
        url: text(url, ADDRESS_LENGTH_MAX),
      };
    }),
  };
}

function deltaIn(entry: unknown): Delta {
  const [partition, epoch, from, to, of, completeAt, ageMs, holder, items] = tuple(entry, 9);
  const [first, last] = [integer(from), integer(to)];
  let before = first;
  return {
    partition: integer(partition, PARTITIONS_MAX),
    epoch: integer(epoch),
    from: first,
    to: last,
    of: integer(of),
    completeAt: optional(completeAt),
    ageMs: optional(ageMs),
    holder: text(holder, SKU_LENGTH_MAX),
    items: list(items, MESSAGE_BYTES_MAX).map((item) => {
      const [stamp, sku, itemEpoch, seq, value] = tuple(item, 5);
      const n = integer(stamp, last);
      if (n <= before) throw new BadGossip(`stamp ${n} behind ${before}`);
      before = n;
      if (!(value instanceof Uint8Array) || value.length > VALUE_BYTES_MAX)
        throw new BadGossip('a value out of bounds');
      return [n, text(sku, SKU_LENGTH_MAX), integer(itemEpoch), integer(seq), value] as const;
    }),
  };
}

function fields(bytes: Uint8Array): readonly unknown[] {
  if (bytes.length > MESSAGE_BYTES_MAX) throw new BadGossip(`${bytes.length} bytes, ${MESSAGE_BYTES_MAX} at most`);
  let message: unknown;
  try {
    message = packr.unpack(bytes);
  } catch (error) {
    throw new BadGossip(`no MessagePack: ${error instanceof Error ? error.message : String(error)}`);
  }
  const [version, ...rest] = list(message, 3);
  if (version !== VERSION) throw new BadGossip(`version ${String(version)}, ${VERSION} is spoken here`);
  return tuple(rest, 2);
}

function list(value: unknown, lengthMax: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > lengthMax) throw new BadGossip(`no list of up to ${lengthMax}`);
  return value;
}

function tuple(value: unknown, length: number): readonly unknown[] {
  const found = list(value, length);
  if (found.length !== length) throw new BadGossip(`${found.length} fields of ${length}`);
  return found;
}

function integer(value: unknown, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new BadGossip(`no integer of 0 to ${max}`);
  }
  return value;
}

function optional(value: unknown): number | undefined {
  return value === null ? undefined : integer(value);
}

function text(value: unknown, lengthMax: number): string {
  if (typeof value !== 'string' || value.length > lengthMax) throw new BadGossip(`no text of up to ${lengthMax}`);
  return value;
}
