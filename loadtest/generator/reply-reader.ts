// Reads the two things the generator needs of a reply in positional form, id and success, straight from the bytes.
// Everything else (refusals, surprises) is left to the protocol's own decoder.

/** The op code of reserve in a positional reply; 0 stands for a refusal. */
const RESERVE_CODE = 1;
/** `[id, 1, …seven fields]`. Longer ones say that the request was a repetition or split: not what the load asks for. */
const ARRAY_OF_9 = 0x99;
const UINT16 = 0xcd;

export class ReplyReader {
  /** NaN when it could not be read. */
  id = Number.NaN;
  /** A reserve that was granted, for the first time. */
  ok = false;

  read(bytes: Uint8Array, start: number, end: number): void {
    this.ok = false;
    this.id = Number.NaN;
    if (end - start < 5 || bytes[start + 1] !== UINT16) return;
    this.id = ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number);
    this.ok = bytes[start] === ARRAY_OF_9 && bytes[start + 4] === RESERVE_CODE;
  }
}
