// What one region tells another of an availability is what its own `get` shows.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHANNELS_PER_SKU_MAX, NODES_PER_SKU_MAX } from '../../protocol/index.ts';
import { availableIn, decodeView, encodeView, VIEW_BYTES_MAX } from './view-codec.ts';

const figure = fc.integer({ min: -(2 ** 40), max: 2 ** 40 });
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 32 });
const node = fc.record(
  {
    node: name,
    onHand: figure,
    reserved: figure,
    allocated: figure,
    safetyStock: figure,
    backorderLimit: figure,
    availableToSell: figure,
    shortfall: fc.integer({ min: 1, max: 2 ** 31 }),
  },
  { requiredKeys: ['node', 'onHand', 'reserved', 'allocated', 'safetyStock', 'backorderLimit', 'availableToSell'] },
);
const view = fc.record(
  {
    sku: name,
    region: name,
    onHand: figure,
    reserved: figure,
    allocated: figure,
    availableToSell: figure,
    nodes: fc.array(node, { maxLength: NODES_PER_SKU_MAX }),
    channelBuffers: fc.dictionary(fc.constantFrom('web', 'store', 'b2b', '__proto__'), fc.nat(), {
      maxKeys: CHANNELS_PER_SKU_MAX,
      noNullPrototype: true,
    }),
    limitPerOwner: fc.integer({ min: 1, max: 2 ** 31 }),
    version: fc.record({ epoch: fc.maxSafeNat(), seq: fc.maxSafeNat() }),
  },
  { requiredKeys: ['sku', 'region', 'onHand', 'reserved', 'allocated', 'availableToSell', 'nodes', 'version'] },
);

const channelled = view.chain((one) => {
  const channels = Object.keys(one.channelBuffers ?? {});
  if (channels.length === 0) return fc.constant(one);
  return fc.tuple(...channels.map((channel) => fc.nat().map((units) => [channel, units] as const))).map((units) => ({
    ...one,
    channelAvailable: Object.fromEntries(units),
  }));
});

describe('an availability on its way to another region', () => {
  it('given any, then it arrives whole, or with fewer nodes and says so, and is never longer than a value may be', () => {
    fc.assert(
      fc.property(fc.oneof(view, channelled), (sent) => {
        const bytes = encodeView(sent);
        expect(bytes.length).toBeLessThanOrEqual(VIEW_BYTES_MAX);
        const { view: got, isWhole } = decodeView(bytes, sent.sku, sent.region, sent.version);
        expect(isWhole).toBe(got.nodes.length === sent.nodes.length);
        expect(got).toEqual({ ...sent, nodes: sent.nodes.slice(0, got.nodes.length) });
        expect(availableIn(bytes)).toBe(sent.availableToSell);
      }),
    );
  });

  it('given the most nodes with the longest names, then the last are left out', () => {
    const figures = { onHand: 1, reserved: 1e9, allocated: 1e9, safetyStock: 1e9, backorderLimit: 1e9 };
    const nodes = Array.from({ length: NODES_PER_SKU_MAX }, (_, n) => ({
      ...figures,
      node: `${n}`.padEnd(32, '貨'),
      availableToSell: 1,
    }));
    const version = { epoch: 1, seq: 1 };
    const { view, isWhole } = decodeView(
      encodeView({ sku: 's', region: 'r', onHand: 64, reserved: 0, allocated: 0, availableToSell: 64, nodes, version }),
      's',
      'r',
      version,
    );
    expect(isWhole).toBe(false);
    expect(view.nodes).toEqual(nodes.slice(0, 32));
    expect(view.onHand).toBe(64);
  });
});
