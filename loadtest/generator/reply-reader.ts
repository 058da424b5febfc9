// Reads the two things the generator needs of a reply, id and success, straight from the bytes. Everything else (refusals,
// surprises) is left to the protocol's own decoder.
import { decodeServerMessage } from '../../protocol/client-codec.ts';
import type { BatchReply } from '../../protocol/index.ts';

export interface Reader {
  /** NaN when it could not be read. */
  readonly id: number;
  /** All reserves of the frame were granted, for the first time. */
  readonly ok: boolean;
  read(bytes: Uint8Array, start: number, end: number): void;
}

/** @param batch reserves in a frame */
export function readerOf(batch: number): Reader {
  return batch === 1 ? new ReplyReader() : new BatchReplyReader(batch);
}

/** The op code of reserve in a positional reply; 0 stands for a refusal. */
const RESERVE_CODE = 1;
/** `[id, 1, …seven fields]`. Longer ones say that the request was a repetition or split: not what the load asks for. */
const ARRAY_OF_9 = 0x99;
const UINT16 = 0xcd;

export class ReplyReader implements Reader {
  id = Number.NaN;
  ok = false;

  read(bytes: Uint8Array, start: number, end: number): void {
    this.ok = false;
    this.id = Number.NaN;
    if (end - start < 5 || bytes[start + 1] !== UINT16) return;
    this.id = ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number);
    this.ok = bytes[start] === ARRAY_OF_9 && bytes[start + 4] === RESERVE_CODE;
  }
}

/** Replies to batches are few and large: they are decoded whole. */
class BatchReplyReader implements Reader {
  id = Number.NaN;
  ok = false;
  readonly #batch: number;

  constructor(batch: number) {
    this.#batch = batch;
  }

  read(bytes: Uint8Array, start: number, end: number): void {
    const message = decodeServerMessage('msgpack', bytes.subarray(start, end));
    this.id = message.kind === 'reply' && typeof message.id === 'number' ? message.id : Number.NaN;
    this.ok = message.kind === 'reply' && message.outcome.ok && this.#isGranted(message.outcome as BatchReply);
  }

  #isGranted({ items }: BatchReply): boolean {
    return items.length === this.#batch && items.every((item) => item.ok && !('replayed' in item));
  }
}
