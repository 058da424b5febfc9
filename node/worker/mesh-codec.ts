// Requests and outcomes as workers pass them on: msgpack as clients speak it, the hot ops positional. Whatever comes in
// is checked as if a client had sent it, since the worker that sent it may be of another version. Never sends anything.
//
//   a request of a hot op     [op code, 0, …fields]                    protocol/compact.ts
//   a page of one partition   [0, partition, region, after, limit]
//   any other request         a map, as a client sends it
//   an outcome of a hot op    [0, op code, …fields], [0, 0, …refusal]  read by outcome-reader.ts
//   any other outcome         a map
//   not served here           nil
import { decodeRequest as decodeWire } from '../../protocol/codec.ts';
import { type HotOp, OP_CODES } from '../../protocol/compact.ts';
import { writePositionalFailure, writePositionalReply } from '../../protocol/compact-server.ts';
import {
  type CommitRequest,
  type Failure,
  failure,
  type ItemRequest,
  LIST_PAGE_MAX,
  type Op,
  type Outcome,
  REGION_LENGTH_MAX,
  type Request,
  type ReserveRequest,
} from '../../protocol/index.ts';
import { MsgpackError, MsgpackReader } from '../../protocol/msgpack-read.ts';
import { MsgpackWriter } from '../../protocol/msgpack-write.ts';
import { isName } from '../../protocol/names.ts';
import { badRequest } from '../../protocol/refusals.ts';
import { isNotServed, NIL, readOutcome } from './outcome-reader.ts';
import type { PageRequest } from './spread.ts';

const writer = new MsgpackWriter();
const pages = new MsgpackReader({ depthMax: 2, nodesMax: 8 });

/** Where a client's request has its id: answers find their requests by the number of the call. */
const NO_ID = 0;
const PAGE = 0;
/** The head of an array of five, and the code of a page. */
const PAGE_HEAD = [0x95, PAGE] as const;

export const NOT_SERVED_HERE = Uint8Array.of(NIL);

/** The code of a hot op, 0 for any other: what encodeOutcome wants to know of the request. */
export function opCodeOf(op: string): number {
  return (OP_CODES as Partial<Record<string, number>>)[op] ?? 0;
}

/** @returns a view of a reused buffer, valid until the next call of a function of this file */
export function encodeRequest(request: ItemRequest | PageRequest): Uint8Array {
  writer.begin();
  switch (request.op) {
    case 'reserve':
      writeReserve(request);
      break;
    case 'commit':
      writeCommit(request);
      break;
    case 'release':
      writeHead(request.op, request.order === undefined ? 2 : 3);
      writer.string(request.reservationId);
      writer.string(request.requestId);
      if (request.order !== undefined) writer.string(request.order);
      break;
    case 'extend':
      writeHead(request.op, 3);
      writer.string(request.reservationId);
      writer.string(request.requestId);
      writer.number(request.ttlMs);
      break;
    case 'ship':
      writeHead(request.op, request.toStock ? 4 : request.qty === undefined ? 2 : 3);
      writer.string(request.reservationId);
      writer.string(request.requestId);
      if (request.toStock || request.qty !== undefined) writer.value(request.qty);
      if (request.toStock) writer.boolean(true);
      break;
    case 'page':
      writer.array(5);
      writer.number(PAGE);
      writer.number(request.partition);
      writer.string(request.region);
      writer.value(request.after);
      writer.number(request.limit);
      break;
    default:
      writeMap(request);
  }
  return writer.finish();
}

/** A request, or what is wrong with it. Never throws, whatever the bytes are, and keeps no reference to them. */
export function decodeRequest(bytes: Uint8Array): Request | PageRequest | Failure {
  if (bytes[0] === PAGE_HEAD[0] && bytes[1] === PAGE_HEAD[1]) return readPage(bytes);
  return decodeWire('msgpack', bytes, false).request;
}

/**
 * @param opCode of the request, see opCodeOf
 * @returns a view of a reused buffer, valid until the next call of a function of this file
 */
export function encodeOutcome(outcome: Outcome, opCode: number): Uint8Array {
  writer.begin();
  if (opCode === 0) writer.value(outcome);
  else if (outcome.ok) writePositionalReply(writer, NO_ID, outcome, opCode);
  else writePositionalFailure(writer, NO_ID, outcome);
  return writer.finish();
}

/**
 * Undefined: it is not served there, and had no effect. Bytes that are no outcome make a refusal that says so: nothing is
 * guessed of what the other worker did. Never throws.
 */
export function decodeOutcome(bytes: Uint8Array): Outcome | undefined {
  if (isNotServed(bytes)) return undefined;
  try {
    return readOutcome(bytes);
  } catch (error) {
    if (!(error instanceof MsgpackError)) throw error;
    const advice = 'it may have taken effect; send the same requestId again to learn whether it did';
    return failure(
      'INTERNAL',
      `the worker that serves this sku gave an answer that is none: ${error.message}; ${advice}`,
    );
  }
}

function writeHead(op: HotOp, fields: number): void {
  writer.array(2 + fields);
  writer.number(OP_CODES[op]);
  writer.number(NO_ID);
}

function writeReserve(request: ReserveRequest): void {
  const { owner, node, channel, allowPartial, order } = request;
  const last =
    order !== undefined
      ? 10
      : allowPartial
        ? 9
        : channel !== undefined
          ? 8
          : node !== undefined
            ? 7
            : owner !== undefined
              ? 6
              : 5;
  writeHead('reserve', last);
  writer.string(request.sku);
  writer.string(request.region);
  writer.number(request.qty);
  writer.string(request.requestId);
  writer.number(request.ttlMs);
  if (last > 5) writer.value(owner);
  if (last > 6) writer.value(node);
  if (last > 7) writer.value(channel);
  if (last > 8) writer.boolean(allowPartial);
  if (order !== undefined) writer.string(order);
}

function writeCommit(request: CommitRequest): void {
  const { qty, orderId, order } = request;
  const last = order !== undefined ? 5 : orderId !== undefined ? 4 : qty !== undefined ? 3 : 2;
  writeHead('commit', last);
  writer.string(request.reservationId);
  writer.string(request.requestId);
  if (last > 2) writer.value(qty);
  if (last > 3) writer.value(orderId);
  if (order !== undefined) writer.string(order);
}

/** As a client sends it: without what follows from the rest. */
function writeMap(request: ItemRequest): void {
  const fields = request as unknown as Readonly<Record<string, unknown>>;
  const names = Object.keys(fields).filter((name) => name !== 'ref' && fields[name] !== undefined);
  writer.map(names.length);
  writer.pairs(fields, names);
}

function readPage(bytes: Uint8Array): PageRequest | Failure {
  try {
    pages.begin(bytes);
    pages.arrayHead();
    pages.value(1);
    const [partition, region, after, limit] = [pages.value(1), pages.value(1), pages.value(1), pages.value(1)];
    const isRight =
      isInteger(partition, 0, Number.MAX_SAFE_INTEGER) &&
      typeof region === 'string' &&
      isName(region, REGION_LENGTH_MAX) &&
      (after === null || typeof after === 'string') &&
      isInteger(limit, 1, LIST_PAGE_MAX) &&
      pages.atEnd;
    if (isRight) return { op: 'page', partition, region, after: after ?? undefined, limit };
  } catch (error) {
    if (!(error instanceof MsgpackError)) throw error;
  }
  return badRequest('a page of another layout than [0, partition, region, after, limit]');
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** What a worker may pass on; named one by one, so that a new op is not forgotten here. */
const ITEMS: Readonly<Record<ItemRequest['op'], true>> = {
  reserve: true,
  extend: true,
  commit: true,
  release: true,
  ship: true,
  adjust: true,
  configure: true,
  pool: true,
  transfer: true,
  get: true,
  getReservation: true,
  query: true,
  list: true,
  captureOrder: true,
  advanceOrder: true,
  getOrder: true,
  takeTasks: true,
  reserveOrder: true,
  commitOrder: true,
  releaseOrder: true,
};

export function isItem(request: { readonly op: Op | 'page' }): request is ItemRequest {
  return Object.hasOwn(ITEMS, request.op);
}
