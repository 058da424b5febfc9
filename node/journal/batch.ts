// The framing of one commit: a header, the records as the event codec wrote them, and a checksum chained to the
// batch before. Records are opaque here: the event codec delimits its own. Layout (integers big-endian):
//
//   0  u32  'HFB' and the format version        24  u32  count of records
//   4  u32  checksum of the previous batch      28  u32  bytes of records
//   8  u64  epoch                               32  u8   bytes of nonce (ASCII), then the nonce
//   16 u64  firstSeq                            …   records, then u32 checksum = crc32 of everything before it
//
// The previous checksum is inside what is summed, so a batch cannot be removed, swapped or altered without
// breaking every later link (I8).
import { crc32 } from 'node:zlib';

/** The version this code writes, and the only one it reads. */
export const BATCH_FORMAT_VERSION = 1;
/** The checksum before the first batch of a lane. */
export const GENESIS_CHECKSUM = 0;
/** Longest nonce, bytes: its length is one byte, and none needs more than a UUID twice over. */
export const NONCE_BYTES_MAX = 64;

const MAGIC = 0x48464200;
const HEADER_BYTES = 33;
const CHECKSUM_BYTES = 4;
const TWO_32 = 2 ** 32;

export interface BatchHeader {
  readonly epoch: number;
  readonly nonce: string;
  readonly firstSeq: number;
  /** Records in the batch, at least one. */
  readonly count: number;
  /** The checksum of the batch that ends at firstSeq − 1; GENESIS_CHECKSUM before the first. */
  readonly prevChecksum: number;
}

export interface DecodedBatch extends BatchHeader {
  readonly lastSeq: number;
  readonly checksum: number;
  /** A view of the bytes that were decoded, not a copy. */
  readonly records: Uint8Array;
}

/** The journal does not hold what it should. Not retriable: restore from a replica or a backup, or audit. */
export class JournalCorrupt extends Error {
  override readonly name = 'JournalCorrupt';
  /** The journal seq at which the damage was found; 0 when the bytes do not even say. */
  readonly seq: number;
  readonly expected: string;
  readonly found: string;
  constructor(seq: number, expected: string, found: string) {
    super(`journal corrupt at seq ${seq}: expected ${expected}, found ${found}`);
    this.seq = seq;
    this.expected = expected;
    this.found = found;
  }
}

/**
 * Frames one commit. `recordBytes` is copied.
 * @throws RangeError when a header field cannot be represented: a defect of the caller
 */
export function encodeBatch(header: BatchHeader, recordBytes: Uint8Array): Uint8Array {
  const nonceBytes = header.nonce.length;
  if (nonceBytes === 0 || nonceBytes > NONCE_BYTES_MAX) throw new RangeError(`nonce of ${nonceBytes} bytes`);
  if (!Number.isSafeInteger(header.count) || header.count < 1) throw new RangeError(`batch of ${header.count} records`);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + nonceBytes + recordBytes.length + CHECKSUM_BYTES);
  bytes.writeUInt32BE(MAGIC | BATCH_FORMAT_VERSION, 0);
  bytes.writeUInt32BE(header.prevChecksum, 4);
  writeSafeInteger(bytes, header.epoch, 8);
  writeSafeInteger(bytes, header.firstSeq, 16);
  bytes.writeUInt32BE(header.count, 24);
  bytes.writeUInt32BE(recordBytes.length, 28);
  bytes.writeUInt8(nonceBytes, 32);
  bytes.write(header.nonce, HEADER_BYTES, 'latin1');
  bytes.set(recordBytes, HEADER_BYTES + nonceBytes);
  const end = bytes.length - CHECKSUM_BYTES;
  bytes.writeUInt32BE(crc32(bytes.subarray(0, end)), end);
  return bytes;
}

/** The checksum of an encoded batch, which the next one links to. The bytes are trusted, not verified. */
export function checksumOf(bytes: Uint8Array): number {
  return view(bytes).readUInt32BE(bytes.length - CHECKSUM_BYTES);
}

/** The firstSeq of an encoded batch. The bytes are trusted, not verified. */
export function firstSeqOf(bytes: Uint8Array): number {
  return readSafeInteger(view(bytes), 16);
}

/**
 * Reads one framed commit.
 * @throws JournalCorrupt when the bytes are cut short, altered or of another format version
 */
export function decodeBatch(bytes: Uint8Array): DecodedBatch {
  const buffer = view(bytes);
  if (buffer.length < HEADER_BYTES + CHECKSUM_BYTES) {
    throw new JournalCorrupt(0, `at least ${HEADER_BYTES + CHECKSUM_BYTES} bytes`, `${buffer.length} bytes`);
  }
  const magic = buffer.readUInt32BE(0);
  const firstSeq = readSafeInteger(buffer, 16);
  if (magic !== (MAGIC | BATCH_FORMAT_VERSION)) {
    const isOurs = (magic & 0xffffff00) === MAGIC;
    const found = isOurs ? `version ${magic & 0xff}` : `0x${magic.toString(16)}`;
    throw new JournalCorrupt(isOurs ? firstSeq : 0, `batch format version ${BATCH_FORMAT_VERSION}`, found);
  }
  const recordsLength = buffer.readUInt32BE(28);
  const recordsStart = HEADER_BYTES + buffer.readUInt8(32);
  const end = recordsStart + recordsLength;
  if (buffer.length !== end + CHECKSUM_BYTES) {
    throw new JournalCorrupt(firstSeq, `${end + CHECKSUM_BYTES} bytes`, `${buffer.length} bytes`);
  }
  const checksum = buffer.readUInt32BE(end);
  const computed = crc32(buffer.subarray(0, end));
  if (checksum !== computed) {
    throw new JournalCorrupt(firstSeq, `checksum ${hex(computed)} of the bytes`, hex(checksum));
  }
  const count = buffer.readUInt32BE(24);
  return {
    epoch: readSafeInteger(buffer, 8),
    nonce: buffer.toString('latin1', HEADER_BYTES, recordsStart),
    firstSeq,
    count,
    lastSeq: firstSeq + count - 1,
    prevChecksum: buffer.readUInt32BE(4),
    checksum,
    records: bytes.subarray(recordsStart, end),
  };
}

/** Checksums read better in hexadecimal. */
export function hex(checksum: number): string {
  return `0x${checksum.toString(16).padStart(8, '0')}`;
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function writeSafeInteger(buffer: Buffer, value: number, offset: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a sequence number: ${value}`);
  buffer.writeUInt32BE(Math.floor(value / TWO_32), offset);
  buffer.writeUInt32BE(value % TWO_32, offset + 4);
}

function readSafeInteger(buffer: Buffer, offset: number): number {
  return buffer.readUInt32BE(offset) * TWO_32 + buffer.readUInt32BE(offset + 4);
}
