// The server's side of the wire: bytes into checked requests, outcomes and pushes into bytes. Never throws on input.
// What fields mean is parse.ts's; what a frame may weigh is the gateway's.
import { FORM_GENERIC, FORM_OP_MASK, FORM_POSITIONAL, type ReplyForm } from './compact.ts';
import { decodePositional, keepEncoded, writePositionalFailure, writePositionalReply } from './compact-server.ts';
import type { Encoding } from './encoding.ts';
import type { Failure } from './errors.ts';
import { peekReserve, readHotBatch } from './hot-path.ts';
import { decodeJson, encodeJsonReply, encodeJsonValue } from './json-server.ts';
import { FRAME_DEPTH_MAX, FRAME_NODES_MAX } from './limits.ts';
import { MsgpackError, MsgpackReader, setOwn } from './msgpack-read.ts';
import { MsgpackWriter } from './msgpack-write.ts';
import { formOf, parseId, parseRequest } from './parse.ts';
import { badRequest } from './refusals.ts';
import type { Id, Outcome, Push, Request } from './types.ts';

export type { ReplyForm } from './compact.ts';
export { type Encoding, SUBPROTOCOL } from './encoding.ts';

export interface DecodedRequest {
  /** Undefined when it could not be read. */
  readonly id: Id | undefined;
  readonly request: Request | Failure;
  /** Pass it to encodeReply. */
  readonly form: ReplyForm;
}

const reader = new MsgpackReader({ depthMax: FRAME_DEPTH_MAX, nodesMax: FRAME_NODES_MAX });
const writer = new MsgpackWriter();

/**
 * Decodes and checks one request. Never throws, whatever the bytes are, and keeps no reference to them.
 * @param idRequired false where the transport pairs request and reply itself (HTTP)
 */
export function decodeRequest(encoding: Encoding, bytes: Uint8Array, idRequired = true): DecodedRequest {
  if (encoding === 'json') return decodeJson(bytes, idRequired);
  const head = bytes[0] ?? 0;
  const positional = (head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd;
  return positional ? decodePositional(reader, bytes, idRequired) : decodeMap(bytes, idRequired);
}

/**
 * Encodes the answer to a request.
 * @param form as decodeRequest gave it; 0 for an answer to what was never decoded
 * @returns a view of a reused buffer, valid until the next call of any function of this file
 */
export function encodeReply(
  encoding: Encoding,
  id: Id | undefined,
  outcome: Outcome,
  form: ReplyForm = FORM_GENERIC,
): Uint8Array {
  if (encoding === 'json') return encodeJsonReply(id, outcome, form);
  writer.begin();
  if ((form & FORM_POSITIONAL) === 0) writeMapReply(id, outcome);
  else if (outcome.ok) writePositionalReply(writer, id, outcome, form & FORM_OP_MASK);
  else writePositionalFailure(writer, id, outcome);
  return writer.finish();
}

/**
 * Answers a request that is refused unread: one that takes stock, in the positional form, when there is no time for more.
 * Undefined when it is anything else, or has an id that is `taken`; valid as long as what encodeReply returns.
 */
export function refuseUnread(bytes: Uint8Array, refusal: Failure, taken: ReadonlySet<Id>): Uint8Array | undefined {
  const id = peekReserve(bytes);
  if (id === undefined || taken.has(id)) return undefined;
  keepEncoded(refusal);
  writer.begin();
  writePositionalFailure(writer, id, refusal);
  return writer.finish();
}

/** Encodes a push; the result is valid as long as that of encodeReply. */
export function encodePush(encoding: Encoding, push: Push): Uint8Array {
  if (encoding === 'json') return encodeJsonValue(push);
  writer.begin();
  writer.value(push);
  return writer.finish();
}

/** Pair by pair, so that the id is known even when a later byte is wrong. */
function decodeMap(bytes: Uint8Array, idRequired: boolean): DecodedRequest {
  const hot = readHotBatch(bytes);
  if (hot !== undefined) return { ...hot, form: FORM_GENERIC };
  const source: Record<string, unknown> = {};
  try {
    reader.begin(bytes);
    for (let left = reader.mapHead(); left > 0; left--) {
      const key = reader.key(source);
      setOwn(source, key, reader.value(1));
    }
    if (!reader.atEnd) throw new MsgpackError('bytes follow the end of the request');
  } catch (error) {
    if (!(error instanceof MsgpackError)) throw error;
    return { id: parseId(source.id), request: badRequest(`malformed msgpack: ${error.message}`), form: FORM_GENERIC };
  }
  const { id, request } = parseRequest(source, idRequired);
  return { id, request, form: formOf(request) };
}

function writeMapReply(id: Id | undefined, outcome: Outcome): void {
  const fields = outcome as unknown as Record<string, unknown>;
  const keys = Object.keys(fields);
  let present = id === undefined ? 0 : 1;
  for (const key of keys) if (fields[key] !== undefined) present++;
  writer.map(present);
  if (id !== undefined) {
    writer.string('id');
    writer.value(id);
  }
  writer.pairs(fields, keys);
}
