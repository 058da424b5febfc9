// The client's side of the wire: requests into bytes or text, what the server sends into replies and pushes. Works in
// Node and in browsers; imports nothing outside protocol/.
import { HOT_OPS, type HotOp, OP_CODES, REQUEST_FIELDS } from './compact.ts';
import type { Encoding } from './encoding.ts';
import type { Failure } from './errors.ts';
import { MsgpackReader } from './msgpack-read.ts';
import { MsgpackWriter } from './msgpack-write.ts';
import type { Id, Outcome, Push } from './types.ts';
import type { WireRequest } from './wire.ts';

export { type Encoding, SUBPROTOCOL } from './encoding.ts';

export type ServerMessage =
  | { readonly kind: 'reply'; readonly id: Id | undefined; readonly outcome: Outcome }
  | { readonly kind: 'push'; readonly push: Push };

/** The bytes are not what a Holdfast server sends; the connection is of no more use. */
export class ServerMessageError extends Error {
  override readonly name = 'ServerMessageError';
}

const writer = new MsgpackWriter();
/** A page of `list` is large, and the server is trusted with it; only the stack is protected. */
const reader = new MsgpackReader({ depthMax: 32, nodesMax: Number.POSITIVE_INFINITY });
const utf8 = new TextDecoder();

/**
 * Encodes one request: text for JSON, bytes of their own for msgpack, where the hot ops take the positional form.
 * Nothing is checked here, and nothing the server would refuse is lost: it says what is wrong.
 */
export function encodeRequest(encoding: Encoding, id: Id, request: WireRequest): Uint8Array | string {
  if (encoding === 'json') return `{"id":${JSON.stringify(id)},${JSON.stringify(request).slice(1)}`;
  writer.begin();
  const fields = request as unknown as Readonly<Record<string, unknown>>;
  if (!writePositional(id, fields)) {
    writer.begin();
    writer.value({ id, ...fields });
  }
  return writer.finishCopy();
}

/**
 * Decodes what the server sent.
 * @throws ServerMessageError
 */
export function decodeServerMessage(encoding: Encoding, data: Uint8Array | ArrayBuffer | string): ServerMessage {
  const value = encoding === 'json' ? readJson(data) : readMsgpack(data);
  if (Array.isArray(value))
    return { kind: 'reply', id: (value[0] as Id | null | undefined) ?? undefined, outcome: positionalOutcome(value) };
  if (typeof value !== 'object' || value === null) throw new ServerMessageError('neither a reply nor a push');
  if ('push' in value) return { kind: 'push', push: value as Push };
  const { id, ...outcome } = value as { id?: Id } & Outcome;
  if (typeof outcome.ok !== 'boolean') throw new ServerMessageError('neither a reply nor a push');
  return { kind: 'reply', id, outcome: outcome as Outcome };
}

/** False when the request has anything that the positional form cannot say; then half of it has been written. */
function writePositional(id: Id, fields: Readonly<Record<string, unknown>>): boolean {
  const code = (OP_CODES as Partial<Record<string, number>>)[fields.op as string];
  if (code === undefined) return false;
  const order = REQUEST_FIELDS[HOT_OPS[code] as HotOp];
  for (const field of Object.keys(fields)) {
    if (fields[field] === null || (field !== 'op' && fields[field] !== undefined && !order.includes(field)))
      return false;
  }
  let { length } = order;
  while (length > 0 && fields[order[length - 1] as string] === undefined) length--;
  writer.array(2 + length);
  writer.number(code);
  writer.value(id);
  for (let i = 0; i < length; i++) writer.value(fields[order[i] as string]);
  return true;
}

function positionalOutcome(reply: readonly unknown[]): Outcome {
  switch (reply[1]) {
    case 0: {
      const [, , code, message, retriable, retryAfterMs, , state] = reply as Positional<
        [Failure['code'], string, boolean, number, boolean, Failure['state']]
      >;
      const refusal = { ok: false, code, message, retriable, retryAfterMs, ...replayedAt(reply, 6) } as const;
      return state === undefined ? refusal : { ...refusal, state };
    }
    case OP_CODES.reserve: {
      const [, , reservationId, qty, node, expiresAt, availableToSell, epoch, seq, , parts] = reply as Positional<
        [string, number, string, number, number, number, number, boolean, [string, number][] | undefined]
      >;
      const split = parts === undefined ? undefined : { parts: parts.map((part) => ({ node: part[0], qty: part[1] })) };
      const version = { epoch, seq };
      const fields = { reservationId, qty, node, ...split, expiresAt, availableToSell, version };
      return { ok: true, ...replayedAt(reply, 9), ...fields };
    }
    case OP_CODES.commit: {
      const [, , qty, epoch, seq] = reply as Positional<[number, number, number]>;
      return { ok: true, ...replayedAt(reply, 5), state: 'COMMITTED', qty, version: { epoch, seq } };
    }
    case OP_CODES.release: {
      const [, , epoch, seq] = reply as Positional<[number, number]>;
      return { ok: true, ...replayedAt(reply, 4), state: 'RELEASED', version: { epoch, seq } };
    }
    case OP_CODES.extend: {
      const [, , expiresAt, epoch, seq] = reply as Positional<[number, number, number]>;
      return { ok: true, ...replayedAt(reply, 5), expiresAt, version: { epoch, seq } };
    }
    case OP_CODES.ship: {
      const [, , qty, remaining, onHand, epoch, seq] = reply as Positional<[number, number, number, number, number]>;
      return { ok: true, ...replayedAt(reply, 7), state: 'COMMITTED', qty, remaining, onHand, version: { epoch, seq } };
    }
    default:
      throw new ServerMessageError(`a positional reply of the unknown kind ${String(reply[1])}`);
  }
}

/** `[id, kind, …fields]` */
type Positional<Fields extends unknown[]> = readonly [Id | null, number, ...Fields];

function replayedAt(reply: readonly unknown[], index: number): { readonly replayed?: true } {
  return reply[index] === true ? { replayed: true } : {};
}

function readJson(data: Uint8Array | ArrayBuffer | string): unknown {
  try {
    return JSON.parse(typeof data === 'string' ? data : utf8.decode(data));
  } catch (error) {
    throw new ServerMessageError('the server sent malformed JSON', { cause: error });
  }
}

function readMsgpack(data: Uint8Array | ArrayBuffer | string): unknown {
  if (typeof data === 'string') throw new ServerMessageError('the server sent text where msgpack was agreed');
  try {
    reader.begin(data instanceof Uint8Array ? data : new Uint8Array(data));
    const value = reader.value();
    if (!reader.atEnd) throw new ServerMessageError('bytes follow the end of the message');
    return value;
  } catch (error) {
    throw new ServerMessageError('the server sent malformed msgpack', { cause: error });
  }
}
