// Hashes of request ids and request bodies; that of skus is protocol/'s. All but tagOf are part of stored formats: a change
// needs a new name or version. Nothing here is cryptographic.
import { codeUnitAt } from '../../protocol/code-units.ts';
import type { MutatingRequest } from '../../protocol/index.ts';

export { PARTITION_HASH, partitionOf } from '../../protocol/partitions.ts';

/** Where fingerprint() leaves its two words of 53 bits: a returned object would be garbage on every request. */
export const FINGERPRINT = { a: 0.5, b: 0.5 };
let fingerprinted: string | undefined;

/**
 * 106 bits of a requestId into FINGERPRINT (after cyrb128 by bryc, public domain). decide and evolve ask for the
 * same id one after the other, so the last one is kept.
 */
export function fingerprint(text: string): void {
  if (text === fingerprinted) return;
  let h1 = 1779033703;
  let h2 = -1150833019;
  let h3 = 1013904242;
  let h4 = -1521486534;
  const { length } = text;
  for (let i = 0; i < length; i++) {
    const k = codeUnitAt(text, i);
    h1 = h2 ^ Math.imul(h1 ^ k, 597399067);
    h2 = h3 ^ Math.imul(h2 ^ k, 2869860233);
    h3 = h4 ^ Math.imul(h3 ^ k, 951274213);
    h4 = h1 ^ Math.imul(h4 ^ k, 2716044179);
  }
  h1 = Math.imul(h3 ^ (h1 >>> 18), 597399067);
  h2 = Math.imul(h4 ^ (h2 >>> 22), 2869860233);
  h3 = Math.imul(h1 ^ (h3 >>> 17), 951274213);
  h4 = Math.imul(h2 ^ (h4 >>> 19), 2716044179);
  h1 ^= h2 ^ h3 ^ h4;
  FINGERPRINT.a = word53(h1, h2 ^ h1);
  FINGERPRINT.b = word53(h3 ^ h1, h4 ^ h1);
  fingerprinted = text;
}

let tag = 0;
let tagged: string | undefined;

/**
 * 32 bits of a name that is looked for in memory (its last steps are those of MurmurHash3 by Appleby, public domain). The tables
 * ask for the same one one after the other, so the last one is kept.
 */
export function tagOf(text: string): number {
  if (text === tagged) return tag;
  const { length } = text;
  let h = length;
  for (let i = 0; i < length; i++) {
    h = Math.imul(h ^ codeUnitAt(text, i), 2654435761);
    h ^= h >>> 15;
  }
  h = Math.imul(h ^ (h >>> 16), 2246822507);
  h = Math.imul(h ^ (h >>> 13), 3266489909);
  tag = h ^ (h >>> 16);
  tagged = text;
  return tag;
}

/** An integer of 53 bits out of two of 32. */
function word53(low: number, high: number): number {
  return (low >>> 0) + (high & 0x1fffff) * 0x100000000;
}

// The two running words of bodyHash; module state because a pair cannot be returned without garbage.
let ha = 0;
let hb = 0;

function mix(k: number): void {
  ha = Math.imul(ha ^ k, 2654435761);
  ha ^= ha >>> 15;
  hb = Math.imul(hb ^ k, 1597334677);
  hb ^= hb >>> 13;
}

function mixNumber(value: number | undefined): void {
  if (value === undefined) {
    mix(0x5bd1e995);
    return;
  }
  mix(value | 0);
  mix(Math.floor(value / 0x100000000) | 0);
}

function mixString(text: string | undefined): void {
  if (text === undefined) {
    mix(0x5bd1e995);
    return;
  }
  const { length } = text;
  let a = ha ^ length;
  let b = hb;
  for (let i = 0; i < length; i++) {
    const k = codeUnitAt(text, i);
    a = Math.imul(a ^ k, 2654435761);
    b = Math.imul(b ^ k, 1597334677);
    b ^= b >>> 13;
  }
  ha = a ^ (a >>> 15);
  hb = b;
  mix(0x3c6ef372);
}

/**
 * 53 bits over op and fields. sku and region are left out: they name the actor, and the requestId is remembered
 * within one actor. Two bodies with one hash would be taken for a repetition: 1 in 2^53 for each reused requestId.
 */
export function bodyHash(request: MutatingRequest): number {
  ha = 1779033703;
  hb = 1013904242;
  mixString(request.op);
  switch (request.op) {
    case 'reserve':
      mixNumber(request.qty);
      mixNumber(request.ttlMs);
      mixString(request.owner);
      mixString(request.node);
      mixString(request.channel);
      mix(request.allowPartial ? 1 : 2);
      mixOrder(request.order);
      break;
    case 'extend':
      mixRef(request.ref);
      mixNumber(request.ttlMs);
      break;
    case 'commit':
      mixRef(request.ref);
      mixNumber(request.qty);
      mixString(request.orderId);
      mixOrder(request.order);
      break;
    case 'release':
      mixRef(request.ref);
      mixOrder(request.order);
      break;
    case 'ship':
      mixRef(request.ref);
      mixNumber(request.qty);
      // Nothing where it is shipped: such requests have the hash that they had before units could stay.
      if (request.toStock) mix(1);
      break;
    case 'adjust':
      mixString(request.node);
      mixNumber(request.delta);
      mixNumber(request.onHand);
      mixString(request.reason);
      break;
    case 'configure':
      mixString(request.node);
      mixNumber(request.safetyStock);
      mixNumber(request.backorderLimit);
      mixBuffers(request.channelBuffers);
      mixNumber(request.limitPerOwner);
      break;
    case 'pool':
      // The order of regions says nothing, nor does naming one twice.
      for (const region of [...new Set(request.regions)].sort()) mixString(region);
      break;
    case 'transfer':
      mixString(request.to);
      mixNumber(request.qty);
      break;
    default:
      request satisfies never;
  }
  ha = Math.imul(ha ^ (hb >>> 16), 2246822507);
  hb = Math.imul(hb ^ (ha >>> 13), 3266489909);
  return word53(ha ^ (hb >>> 16), hb ^ (ha >>> 15));
}

/** Nothing where there is none: such requests have the hash that they had before there were orders. */
function mixOrder(order: string | undefined): void {
  if (order !== undefined) mixString(order);
}

function mixRef(ref: { readonly no: number; readonly epoch: number }): void {
  mixNumber(ref.no);
  mixNumber(ref.epoch);
}

/** Sorted, because the order of keys in a JSON object says nothing. */
function mixBuffers(buffers: Readonly<Record<string, number>> | undefined): void {
  if (buffers === undefined) {
    mix(0x5bd1e995);
    return;
  }
  for (const channel of Object.keys(buffers).sort()) {
    mixString(channel);
    mixNumber(buffers[channel]);
  }
  mix(0x1b873593);
}
