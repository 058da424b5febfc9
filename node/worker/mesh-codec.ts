// Requests and outcomes as workers pass them on: parsed already, so the owner need not do that again. Both sides run
// the same parser, and the mesh lets in no one else.
import { Packr } from 'msgpackr';
import type { Outcome } from '../../protocol/index.ts';

const packr = new Packr({ useRecords: false, int64AsType: 'number', variableMapSize: true });

/** The first byte of an answer: an outcome follows, or the request was not carried out, as it is not served there. */
const OUTCOME = 0;
const NOT_HERE = 1;

export const NOT_SERVED_HERE = Uint8Array.of(NOT_HERE);

export function encodeRequest(request: object): Uint8Array {
  return packr.pack(request);
}

export function decodeRequest(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

export function encodeOutcome(outcome: Outcome): Uint8Array {
  const packed = packr.pack(outcome);
  const bytes = Buffer.allocUnsafe(packed.length + 1);
  bytes[0] = OUTCOME;
  bytes.set(packed, 1);
  return bytes;
}

/** Undefined: it is not served there, and had no effect. */
export function decodeOutcome(bytes: Uint8Array): Outcome | undefined {
  return bytes[0] === NOT_HERE ? undefined : (packr.unpack(bytes.subarray(1)) as Outcome);
}
