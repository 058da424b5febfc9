// The positional form of the hot operations in msgpack: which code each op has and which field stands where. One
// table for both ends; WIRE.md shows it with bytes.
export type HotOp = 'reserve' | 'commit' | 'release' | 'extend' | 'ship';

/** The first element of a positional request, and the second of its successful reply; 0 stands for a refusal. */
export const OP_CODES = { reserve: 1, commit: 2, release: 3, extend: 4, ship: 5 } as const satisfies Record<
  HotOp,
  number
>;

/** The op of each code. */
export const HOT_OPS: readonly (HotOp | undefined)[] = [undefined, 'reserve', 'commit', 'release', 'extend', 'ship'];

/** Fields of a request after `[opCode, id, …`. Trailing ones that are absent are left out, others are nil. */
export const REQUEST_FIELDS: Readonly<Record<HotOp, readonly string[]>> = {
  reserve: ['sku', 'region', 'qty', 'requestId', 'ttlMs', 'owner', 'node', 'channel', 'allowPartial', 'order'],
  commit: ['reservationId', 'requestId', 'qty', 'orderId', 'order'],
  release: ['reservationId', 'requestId', 'order'],
  extend: ['reservationId', 'requestId', 'ttlMs'],
  ship: ['reservationId', 'requestId', 'qty', 'toStock'],
};

/**
 * How a reply is to be written; comes from decoding its request and is only passed on. The hot op's code in the low
 * bits (0: any other op), and whether the request was positional.
 */
export type ReplyForm = number;

export const FORM_GENERIC: ReplyForm = 0;
export const FORM_POSITIONAL: ReplyForm = 8;
export const FORM_OP_MASK: ReplyForm = 7;
