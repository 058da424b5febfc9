// The JSON encoding as the server reads and writes it.
import { FORM_GENERIC, type ReplyForm } from './compact.ts';
import type { Failure } from './errors.ts';
import { FRAME_DEPTH_MAX, FRAME_NODES_MAX } from './limits.ts';
import { badRequest, formOf, parseRequest } from './parse.ts';
import type { Id, Outcome, Request } from './types.ts';

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
    if (match !== null) id = parseRequest({ id: JSON.parse(match[1] as string) }).id;
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

export function encodeJsonReply(id: Id | undefined, outcome: Outcome, _form: ReplyForm): Uint8Array {
  const fields: object = outcome;
  return encodeJsonValue(id === undefined ? fields : { id, ...fields });
}

const encoder = new TextEncoder();

export function encodeJsonValue(value: object): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}
