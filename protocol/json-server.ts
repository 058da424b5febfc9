// The JSON encoding as the server reads and writes it.
import { FORM_GENERIC, FORM_OP_MASK, OP_CODES, type ReplyForm } from './compact.ts';
import type { Failure } from './errors.ts';
import { FRAME_DEPTH_MAX, FRAME_NODES_MAX } from './limits.ts';
import { formOf, parseId, parseRequest } from './parse.ts';
import { badRequest } from './refusals.ts';
import type { CommitReply, ExtendReply, Id, Outcome, ReleaseReply, Request, ReserveReply, ShipReply } from './types.ts';
import type { Version } from './version.ts';

const JSON_BYTES_AT_FIRST = 65_536;
/** A buffer that grew beyond this for one large message is let go at the next. */
const JSON_BYTES_KEPT_MAX = 1_048_576;

interface Decoded {
  readonly id: Id | undefined;
  readonly request: Request | Failure;
  readonly form: ReplyForm;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes one JSON text. Never throws. Of a key that comes twice the last value counts, as JSON.parse has it. */
export function decodeJson(bytes: Uint8Array, idRequired: boolean): Decoded {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { id: undefined, request: badRequest('malformed JSON: the text is not valid UTF-8'), form: FORM_GENERIC };
  }
  const excess = bytes.length > SCANNED_BYTES_MIN ? excessOf(text) : undefined;
  if (excess !== undefined) return malformed(text, excess);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return malformed(text, (error as Error).message);
  }
  const { id, request } = parseRequest(value, idRequired);
  return { id, request, form: formOf(request) };
}

/** Most clients write the id first: then it can be echoed even when the rest cannot be read. */
const LEADING_ID = /^\s{0,64}\{\s{0,64}"id"\s{0,64}:\s{0,64}(-?\d{1,16}|"[^"\\]{1,64}")\s{0,64},/;

function malformed(text: string, reason: string): Decoded {
  const match = LEADING_ID.exec(text);
  let id: Id | undefined;
  try {
    if (match !== null) id = parseId(JSON.parse(match[1] as string));
  } catch {
    // Not JSON either: there is no id to echo.
  }
  return { id, request: badRequest(`malformed JSON: ${reason.slice(0, 120)}`), form: FORM_GENERIC };
}

/** A text shorter than this cannot say enough to cost much. */
const SCANNED_BYTES_MIN = 2_048;

/** What is too much about a text, by the same bounds as in msgpack; undefined when nothing is. */
function excessOf(text: string): string | undefined {
  let depth = 0;
  let nodes = 1;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22:
        i = endOfString(text, i);
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > FRAME_DEPTH_MAX) return `more than ${FRAME_DEPTH_MAX} levels of maps and arrays`;
        nodes++;
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
      case 0x2c:
      case 0x3a:
        nodes++;
        break;
    }
    if (nodes > FRAME_NODES_MAX) return `more than ${FRAME_NODES_MAX} values in one frame`;
  }
  return undefined;
}

/** The index of the quote that ends the string which starts at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

let buffer = Buffer.allocUnsafeSlow(JSON_BYTES_AT_FIRST);

/** Encodes an answer; the view is valid until the next call of any function of this file that encodes. */
export function encodeJsonReply(id: Id | undefined, outcome: Outcome, form: ReplyForm): Uint8Array {
  const fields = outcome.ok ? hotFields(outcome, form & FORM_OP_MASK) : failureFields(outcome);
  if (fields === undefined) return encodeJsonValue(id === undefined ? outcome : { id, ...(outcome as object) });
  const idField = id === undefined ? '' : `"id":${typeof id === 'number' ? id : quote(id)},`;
  return toBytes(`{${idField}${fields}}`);
}

/** Encodes any message; the view is valid as long as that of encodeJsonReply. */
export function encodeJsonValue(value: object): Uint8Array {
  return toBytes(JSON.stringify(value));
}

/** The successful replies of hot ops, written several times faster than by JSON.stringify; undefined for others. */
function hotFields(outcome: Outcome, opCode: number): string | undefined {
  const replayed = 'replayed' in outcome && outcome.replayed === true ? ',"replayed":true' : '';
  switch (opCode) {
    case OP_CODES.reserve: {
      const { reservationId, qty, node, parts, expiresAt, availableToSell, version } = outcome as ReserveReply;
      const split = parts === undefined ? '' : `,"parts":${JSON.stringify(parts)}`;
      const first = `"ok":true${replayed},"reservationId":${quote(reservationId)},"qty":${qty},"node":${quote(node)}${split}`;
      return `${first},"expiresAt":${expiresAt},"availableToSell":${availableToSell},${versionField(version)}`;
    }
    case OP_CODES.commit: {
      const { qty, version } = outcome as CommitReply;
      return `"ok":true${replayed},"state":"COMMITTED","qty":${qty},${versionField(version)}`;
    }
    case OP_CODES.release:
      return `"ok":true${replayed},"state":"RELEASED",${versionField((outcome as ReleaseReply).version)}`;
    case OP_CODES.extend: {
      const { expiresAt, version } = outcome as ExtendReply;
      return `"ok":true${replayed},"expiresAt":${expiresAt},${versionField(version)}`;
    }
    case OP_CODES.ship: {
      const { qty, remaining, onHand, version } = outcome as ShipReply;
      const figures = `"qty":${qty},"remaining":${remaining},"onHand":${onHand}`;
      return `"ok":true${replayed},"state":"COMMITTED",${figures},${versionField(version)}`;
    }
    default:
      return undefined;
  }
}

/** Refusals come in floods when a popular SKU is sold out. */
function failureFields({ code, message, retriable, retryAfterMs, replayed, state, lines }: Failure): string {
  const again = replayed === true ? ',"replayed":true' : '';
  const ended = state === undefined ? '' : `,"state":"${state}"`;
  const fields = `"code":"${code}","message":${quote(message)},"retriable":${retriable},"retryAfterMs":${retryAfterMs}`;
  const refused = lines === undefined ? '' : `,"lines":${JSON.stringify(lines)}`;
  return `"ok":false,${fields}${again}${ended}${refused}`;
}

function versionField(version: Version): string {
  return `"version":{"epoch":${version.epoch},"seq":${version.seq}}`;
}

function quote(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return JSON.stringify(text);
  }
  return `"${text}"`;
}

function toBytes(text: string): Uint8Array {
  const bytesMax = 3 * text.length;
  const tooLarge = buffer.length > JSON_BYTES_KEPT_MAX && bytesMax <= JSON_BYTES_KEPT_MAX;
  if (tooLarge || bytesMax > buffer.length) {
    buffer = Buffer.allocUnsafeSlow(Math.max(JSON_BYTES_AT_FIRST, bytesMax));
  }
  return buffer.subarray(0, buffer.write(text, 'utf8'));
}
