// The positional form as the server reads and writes it; the layout is compact.ts's.
import { FORM_POSITIONAL, HOT_OPS, REQUEST_FIELDS, type ReplyForm } from './compact.ts';
import type { Failure } from './errors.ts';
import { readHot } from './hot-path.ts';
import { MsgpackError, type MsgpackReader } from './msgpack-read.ts';
import { MsgpackWriter } from './msgpack-write.ts';
import { parseId, parseRequest } from './parse.ts';
import { badRequest } from './refusals.ts';
import type { CommitReply, ExtendReply, Id, Outcome, ReleaseReply, Request, ReserveReply, ShipReply } from './types.ts';

/** Decodes `[opCode, id, …fields]`. Never throws. */
export function decodePositional(reader: MsgpackReader, bytes: Uint8Array, idRequired: boolean) {
  const hot = readHot(bytes);
  if (hot !== undefined) return { id: hot.id, request: hot.request, form: FORM_POSITIONAL | (bytes[1] as number) };
  const elements: unknown[] = [];
  try {
    reader.begin(bytes);
    for (let left = reader.arrayHead(); left > 0; left--) elements.push(reader.value(1));
    if (!reader.atEnd) throw new MsgpackError('bytes follow the end of the request');
  } catch (error) {
    if (!(error instanceof MsgpackError)) throw error;
    return refused(elements[1], `malformed msgpack: ${error.message}`);
  }
  const code = elements[0];
  const op = typeof code === 'number' ? HOT_OPS[code] : undefined;
  if (op === undefined) return refused(elements[1], 'a request in positional form starts with an op code from 1 to 5');
  const fields = REQUEST_FIELDS[op];
  if (elements.length > fields.length + 2) {
    return refused(elements[1], `${op} has at most ${fields.length + 2} elements, got ${elements.length}`);
  }
  const source: Record<string, unknown> = { op };
  if (elements[1] !== undefined && elements[1] !== null) source.id = elements[1];
  for (let i = 2; i < elements.length; i++) {
    if (elements[i] !== null) source[fields[i - 2] as string] = elements[i];
  }
  const { id, request } = parseRequest(source, idRequired);
  return { id, request, form: FORM_POSITIONAL | (code as number) };
}

function refused(id: unknown, message: string): { id: Id | undefined; request: Request | Failure; form: ReplyForm } {
  return { id: parseId(id), request: badRequest(message), form: FORM_POSITIONAL };
}

/** `[id, opCode, …fields, replayed?, parts?]` */
export function writePositionalReply(
  writer: MsgpackWriter,
  id: Id | undefined,
  outcome: Outcome,
  opCode: number,
): void {
  const replayed = 'replayed' in outcome && outcome.replayed === true ? 1 : 0;
  switch (opCode) {
    case 1: {
      const reply = outcome as ReserveReply;
      const { parts } = reply;
      writer.array(parts === undefined ? 9 + replayed : 11);
      writeId(writer, id);
      writer.number(1);
      writer.string(reply.reservationId);
      writer.number(reply.qty);
      writer.string(reply.node);
      writer.number(reply.expiresAt);
      writer.number(reply.availableToSell);
      writer.number(reply.version.epoch);
      writer.number(reply.version.seq);
      if (parts !== undefined) {
        writer.boolean(replayed === 1);
        writer.array(parts.length);
        for (const part of parts) {
          writer.array(2);
          writer.string(part.node);
          writer.number(part.qty);
        }
        return;
      }
      break;
    }
    case 2: {
      const reply = outcome as CommitReply;
      writer.array(5 + replayed);
      writeId(writer, id);
      writer.number(2);
      writer.number(reply.qty);
      writer.number(reply.version.epoch);
      writer.number(reply.version.seq);
      break;
    }
    case 3: {
      const reply = outcome as ReleaseReply;
      writer.array(4 + replayed);
      writeId(writer, id);
      writer.number(3);
      writer.number(reply.version.epoch);
      writer.number(reply.version.seq);
      break;
    }
    case 4: {
      const reply = outcome as ExtendReply;
      writer.array(5 + replayed);
      writeId(writer, id);
      writer.number(4);
      writer.number(reply.expiresAt);
      writer.number(reply.version.epoch);
      writer.number(reply.version.seq);
      break;
    }
    case 5: {
      const reply = outcome as ShipReply;
      writer.array(7 + replayed);
      writeId(writer, id);
      writer.number(5);
      writer.number(reply.qty);
      writer.number(reply.remaining);
      writer.number(reply.onHand);
      writer.number(reply.version.epoch);
      writer.number(reply.version.seq);
      break;
    }
    default:
      throw new Error(`op code ${opCode} has no positional reply`);
  }
  if (replayed === 1) writer.boolean(true);
}

/** The refusal that is written most when there is no time for writing it anew each time: that of an overloaded worker. */
let constant: { readonly refusal: Failure | undefined; readonly rest: Uint8Array } = {
  refusal: undefined,
  rest: new Uint8Array(0),
};

/** Has the same object be written from then on as a copy of its bytes. */
export function keepEncoded(refusal: Failure): void {
  if (constant.refusal === refusal) return;
  const writer = new MsgpackWriter();
  const { code, message, retriable, retryAfterMs } = refusal;
  writer.begin();
  writer.number(0);
  writer.string(code);
  writer.string(message);
  writer.boolean(retriable);
  writer.number(retryAfterMs);
  constant = { refusal, rest: writer.finishCopy() };
}

/** `[id, 0, code, message, retriable, retryAfterMs, replayed?, state?]` */
export function writePositionalFailure(writer: MsgpackWriter, id: Id | undefined, refusal: Failure): void {
  if (refusal === constant.refusal) {
    writer.array(6);
    writeId(writer, id);
    writer.raw(constant.rest);
    return;
  }
  const { replayed, state } = refusal;
  writer.array(state !== undefined ? 8 : replayed === true ? 7 : 6);
  writeId(writer, id);
  writer.number(0);
  writer.string(refusal.code);
  writer.string(refusal.message);
  writer.boolean(refusal.retriable);
  writer.number(refusal.retryAfterMs);
  if (replayed === true || state !== undefined) writer.boolean(replayed === true);
  if (state !== undefined) writer.string(state);
}

function writeId(writer: MsgpackWriter, id: Id | undefined): void {
  if (typeof id === 'number') writer.number(id);
  else if (id === undefined) writer.nil();
  else writer.string(id);
}
