// What packages are called outside their orders.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packagesOfShipmentId, shipmentIdOf } from './shipment-id.ts';

const region = fc.constantFrom('eu-west', 'us-east', 'o');
const ref = fc.record({
  region,
  orderId: fc.constantFrom('o', 'o/1', 'us-east/o', 'eu-west', 'o/p1'),
  packageId: fc.constantFrom('p1', 'p2'),
});

test('two packages never have the same id, whatever regions and orders are called', () => {
  fc.assert(
    fc.property(ref, ref, (a, b) => {
      expect(shipmentIdOf(a) === shipmentIdOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

test('the package that an id is of comes first in its own region', () => {
  fc.assert(
    fc.property(ref, (one) => {
      expect(packagesOfShipmentId(shipmentIdOf(one), one.region)[0]).toEqual(one);
    }),
  );
});

test.each(['p1', '/p1', ''])('%j is the id of no package', (shipmentId) => {
  expect(packagesOfShipmentId(shipmentId, 'us-east')).toEqual([]);
});
