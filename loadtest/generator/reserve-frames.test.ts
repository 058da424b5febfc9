// Reserve frames made from a template are what the codec would have written.
import { describe, expect, it } from 'vitest';
import { decodeRequest, encodeReply } from '../../protocol/codec.ts';
import { type BatchRequest, failure, type ReserveReply, type ReserveRequest } from '../../protocol/index.ts';
import { payloadOffset } from './frames.ts';
import { skuName } from './load.ts';
import { ReplyReader } from './reply-reader.ts';
import { FIRST_ID, ReserveFrames } from './reserve-frames.ts';
import { skuPicker } from './sku-picker.ts';

function written(frames: ReserveFrames, ids: readonly number[]) {
  const bytes = new Uint8Array(ids.length * frames.frameBytes);
  for (const [i, id] of ids.entries()) frames.write(bytes, i * frames.frameBytes, id);
  return ids.map((_, i) => {
    const frame = bytes.subarray(i * frames.frameBytes, (i + 1) * frames.frameBytes);
    return decodeRequest('msgpack', frame.subarray(payloadOffset(frame)));
  });
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('templated reserves', () => {
  it('given many frames, when the server decodes them, then each is a valid reserve of its own', () => {
    const frames = new ReserveFrames('eu-west', 1, skuPicker(1000, 0));
    frames.stamp(Date.UTC(2025, 5, 1));
    const ids = Array.from({ length: 500 }, (_, i) => FIRST_ID + i * 100);
    const decoded = written(frames, ids);
    expect(decoded.map(({ id }) => id)).toEqual(ids);
    const requests = decoded.map(({ request }) => request as ReserveRequest);
    for (const request of requests) {
      expect(request).toMatchObject({ op: 'reserve', region: 'eu-west', qty: 1 });
      expect(request.sku).toMatch(/^sku-00000\d{3}$/);
      expect(request.requestId).toMatch(UUID_V7);
      expect(Number.parseInt(request.requestId.replace('-', '').slice(0, 12), 16)).toBe(Date.UTC(2025, 5, 1));
    }
    expect(new Set(requests.map(({ requestId }) => requestId)).size).toBe(500);
    expect(new Set(requests.map(({ sku }) => sku)).size).toBeGreaterThan(200);
  });

  it('given one SKU, when frames are written, then all are for it', () => {
    const decoded = written(new ReserveFrames('eu-west', 1, undefined), [FIRST_ID, FIRST_ID + 1]);
    expect(decoded.map(({ request }) => (request as ReserveRequest).sku)).toEqual([skuName(0), skuName(0)]);
  });
});

describe('templated batches', () => {
  it('given frames of 100 reserves, when the server decodes them, then each is a batch of reserves of their own', () => {
    const decoded = written(new ReserveFrames('eu-west', 100, skuPicker(1000, 0)), [FIRST_ID, FIRST_ID + 1]);
    const items = decoded.flatMap(({ request }) => (request as BatchRequest).items.map((item) => item.request));
    expect(items).toHaveLength(200);
    for (const item of items) expect(item).toMatchObject({ op: 'reserve', region: 'eu-west', qty: 1 });
    expect(new Set(items.map((item) => (item as ReserveRequest).requestId)).size).toBe(200);
    expect(new Set(items.map((item) => (item as ReserveRequest).sku)).size).toBeGreaterThan(100);
  });
});

describe('SKUs by popularity', () => {
  it('given Zipf’s law with exponent 1, when many are drawn, then each is drawn as often as it says', () => {
    const pick = skuPicker(1_000, 1, 42) as () => number;
    const drawn = new Array<number>(1_000).fill(0);
    for (let i = 0; i < 200_000; i++) {
      const n = pick();
      drawn[n] = (drawn[n] as number) + 1;
    }
    const harmonic = drawn.reduce((sum, _, n) => sum + 1 / (n + 1), 0);
    for (const n of [0, 1, 9, 99]) {
      const expected = 200_000 / harmonic / (n + 1);
      expect(Math.abs((drawn[n] as number) - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });
});

describe('the reply reader', () => {
  const [{ form }] = written(new ReserveFrames('eu-west', 1, undefined), [FIRST_ID]) as [
    ReturnType<typeof decodeRequest>,
  ];
  const granted: ReserveReply = {
    ok: true,
    reservationId: '1.1.eu-west/sku-00000000',
    qty: 1,
    node: 'dc-1',
    expiresAt: 1_750_000_000_000,
    availableToSell: 41,
    version: { epoch: 1, seq: 7 },
  };

  it.each([
    ['a grant', granted, true],
    ['a refusal', failure('INSUFFICIENT_STOCK', '1 asked, 0 available to sell'), false],
    ['a repeated answer', { ...granted, replayed: true } as ReserveReply, false],
  ])('given %s, when read, then the id is right and success is %o', (_name, outcome, ok) => {
    const bytes = Uint8Array.from(encodeReply('msgpack', FIRST_ID + 9, outcome, form));
    const reader = new ReplyReader();
    reader.read(bytes, 0, bytes.length);
    expect({ id: reader.id, ok: reader.ok }).toEqual({ id: FIRST_ID + 9, ok });
  });
});
