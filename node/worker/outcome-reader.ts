// Reads what another worker answered: positional outcomes of the hot ops field by field, others as maps. Every field of
// a hot outcome is checked; the layout is that of protocol/compact-server.ts.
import { OP_CODES } from '../../protocol/compact.ts';
import { type ErrorCode, type Failure, type Outcome, RETRIABLE, type Version } from '../../protocol/index.ts';
import { MsgpackError, MsgpackReader } from '../../protocol/msgpack-read.ts';

/** Another worker is trusted with the size of a page; only the stack is protected. */
const reader = new MsgpackReader({ depthMax: 32, nodesMax: Number.POSITIVE_INFINITY });

export const NIL = 0xc0;
const REFUSAL = 0;

/** Elements of the array that have not been read. */
let left = 0;

export function isNotServed(bytes: Uint8Array): boolean {
  return bytes.length === 1 && bytes[0] === NIL;
}

/** @throws MsgpackError when the bytes are no outcome */
export function readOutcome(bytes: Uint8Array): Outcome {
  const head = bytes[0] as number;
  reader.begin(bytes);
  const isPositional = (head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd;
  const outcome = isPositional ? readPositional() : readMap();
  if (!reader.atEnd) throw new MsgpackError('bytes follow the end of an outcome');
  return outcome;
}

function readMap(): Outcome {
  const value = reader.value() as { ok?: unknown; code?: unknown } | null;
  const isOutcome =
    typeof value === 'object' && (value?.ok === true || (value?.ok === false && isErrorCode(value.code)));
  if (!isOutcome) throw new MsgpackError('neither an outcome nor a refusal');
  return value as unknown as Outcome;
}

function readPositional(): Outcome {
  left = reader.arrayHead();
  // Where a reply to a client has the id.
  integer();
  const kind = integer();
  const outcome = readFields(kind);
  if (left !== 0) throw new MsgpackError(`an outcome of kind ${kind} with ${left} elements more than are known`);
  return outcome;
}

function readFields(kind: number): Outcome {
  switch (kind) {
    case REFUSAL:
      return readRefusal();
    case OP_CODES.reserve: {
      const reservationId = string();
      const qty = integer();
      const node = string();
      const expiresAt = integer();
      const availableToSell = integer();
      const version = readVersion();
      if (left === 0) return { ok: true, reservationId, qty, node, expiresAt, availableToSell, version };
      const replayed = readReplayed();
      const parts = left === 0 ? undefined : { parts: readParts() };
      return { ok: true, ...replayed, reservationId, qty, node, ...parts, expiresAt, availableToSell, version };
    }
    case OP_CODES.commit: {
      const qty = integer();
      const version = readVersion();
      return { ok: true, ...readReplayed(), state: 'COMMITTED', qty, version };
    }
    case OP_CODES.release: {
      const version = readVersion();
      return { ok: true, ...readReplayed(), state: 'RELEASED', version };
    }
    case OP_CODES.extend: {
      const expiresAt = integer();
      const version = readVersion();
      return { ok: true, ...readReplayed(), expiresAt, version };
    }
    case OP_CODES.ship: {
      const qty = integer();
      const remaining = integer();
      const onHand = integer();
      const version = readVersion();
      return { ok: true, ...readReplayed(), state: 'COMMITTED', qty, remaining, onHand, version };
    }
    default:
      throw new MsgpackError(`an outcome of the unknown kind ${kind}`);
  }
}

function readRefusal(): Failure {
  const code = string();
  if (!isErrorCode(code)) throw new MsgpackError(`a refusal with the unknown code ${JSON.stringify(code)}`);
  const message = string();
  const retriable = boolean();
  const retryAfterMs = integer();
  const replayed = readReplayed();
  if (left === 0) return { ok: false, code, message, retriable, retryAfterMs, ...replayed };
  const state = string();
  if (state !== 'COMMITTED' && state !== 'RELEASED' && state !== 'EXPIRED') {
    throw new MsgpackError(`a refusal with the unknown state ${JSON.stringify(state)}`);
  }
  return { ok: false, code, message, retriable, retryAfterMs, ...replayed, state };
}

function readVersion(): Version {
  const epoch = integer();
  return { epoch, seq: integer() };
}

const REPLAYED = { replayed: true } as const;
const FIRST = {} as const;

function readReplayed(): { readonly replayed?: true } {
  return left > 0 && boolean() ? REPLAYED : FIRST;
}

function readParts(): { readonly node: string; readonly qty: number }[] {
  left -= 1;
  const parts: { node: string; qty: number }[] = [];
  for (let count = reader.arrayHead(); count > 0; count--) {
    if (reader.arrayHead() !== 2) throw new MsgpackError('a part of a reservation is not a node and its qty');
    // They are not elements of the outcome itself.
    left += 2;
    const node = string();
    parts.push({ node, qty: integer() });
  }
  return parts;
}

// ---- one element each ----

function next(): unknown {
  left -= 1;
  if (left < 0) throw new MsgpackError('an outcome with fewer elements than its kind has');
  return reader.value(1);
}

function integer(): number {
  const value = next();
  if (!Number.isSafeInteger(value)) throw new MsgpackError('an element of an outcome is not an integer');
  return value as number;
}

function string(): string {
  const value = next();
  if (typeof value !== 'string') throw new MsgpackError('an element of an outcome is not a string');
  return value;
}

function boolean(): boolean {
  const value = next();
  if (typeof value !== 'boolean') throw new MsgpackError('an element of an outcome is not a boolean');
  return value;
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(RETRIABLE, value);
}
