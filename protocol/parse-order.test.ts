// What an order may say: every field by name, every size bounded, and two documents that say the same are the same JSON.
import { describe, expect, test } from 'vitest';
import type { CaptureOrderRequest, Failure } from './index.ts';
import { COMPONENTS_MAX, MONEY_MAX, ORDER_LINES_MAX, QTY_MAX, SUBSTITUTES_MAX } from './limits.ts';
import { parseRequest } from './parse.ts';
import { FULL_ORDER } from './testing/field-table.ts';

const LINE = { lineId: '1', sku: 'a', qty: 2 };
const HERE = { latitude: 38.9, longitude: -77.04, postalCode: '20001' };
const ORDER = { orderId: 'o-1', lines: [LINE], destination: HERE };

function parsed(order: unknown): CaptureOrderRequest | Failure {
  return parseRequest({ id: 1, op: 'captureOrder', region: 'r', order, requestId: 'x' }).request as CaptureOrderRequest;
}

function refused(order: unknown): string {
  const request = parsed(order);
  expect(request).toMatchObject({ ok: false, code: 'BAD_REQUEST' });
  return (request as Failure).message;
}

describe('the document of an order', () => {
  test('given all fields, then it is taken as it is, and shares nothing with what came', () => {
    const request = parsed(FULL_ORDER) as CaptureOrderRequest;
    expect(request.order).toEqual(FULL_ORDER);
    expect(request.order).not.toBe(FULL_ORDER);
    expect(request.order.lines[0]?.substitutes).not.toBe(FULL_ORDER.lines[0]?.substitutes);
  });

  test('given the same in another order of fields, or with fields that are absent, then it is the same JSON', () => {
    const turned = {
      destination: { postalCode: '20001', longitude: -77.04, latitude: 38.9, city: undefined },
      lines: [{ qty: 2, sku: 'a', lineId: '1', grams: undefined }],
      orderId: 'o-1',
    };
    const [one, other] = [parsed(ORDER), parsed(turned)] as [CaptureOrderRequest, CaptureOrderRequest];
    expect(JSON.stringify(other.order)).toBe(JSON.stringify(one.order));
    const [ab, ba] = [
      { a: '1', b: '2' },
      { b: '2', a: '1' },
    ].map((attributes) => parsed({ ...ORDER, attributes }));
    expect(JSON.stringify(ab)).toBe(JSON.stringify(ba));
  });

  test.each([
    [{ ...ORDER, colour: 1 }, 'unknown field "colour" in order; it takes orderId, lines, destination'],
    [{ ...ORDER, promissedAt: 1 }, 'unknown field "promissedAt" in order (did you mean "promisedAt"?)'],
    [{ ...ORDER, lines: [{ ...LINE, quantity: 2 }] }, 'unknown field "quantity" in order.lines[0]'],
    [{ ...ORDER, destination: { ...HERE, zip: '1' } }, 'unknown field "zip" in order.destination'],
    [{ ...ORDER, lines: [{ ...LINE, components: [{ sku: 'a', qty: 1, x: 1 }] }] }, 'order.lines[0].components[0]'],
    [{ ...ORDER, lines: [LINE, { ...LINE, sku: 'b' }] }, 'order.lines[1].lineId "1" is that of another line'],
    [{ ...ORDER, lines: [{ ...LINE, sku: 'a b' }] }, 'order.lines[0].sku must be'],
    [{ ...ORDER, lines: [{ ...LINE, qty: QTY_MAX + 1 }] }, 'order.lines[0].qty must be an integer'],
    [{ ...ORDER, lines: [{ ...LINE, grams: 1.5 }] }, 'order.lines[0].grams must be an integer'],
    [{ ...ORDER, lines: [{ ...LINE, value: MONEY_MAX + 1 }] }, 'order.lines[0].value must be an integer'],
    [{ ...ORDER, lines: [{ ...LINE, substitutes: [] }] }, 'order.lines[0].substitutes must name at least one'],
    [{ ...ORDER, lines: {} }, 'order.lines must be an array, got a map'],
    [
      { ...ORDER, destination: { ...HERE, latitude: 91 } },
      'order.destination.latitude must be a number from -90 to 90',
    ],
    [{ ...ORDER, destination: { ...HERE, latitude: Number.NaN } }, 'order.destination.latitude must be a number'],
    [{ ...ORDER, destination: { ...HERE, email: 'a\n' } }, 'order.destination.email must be'],
    [{ ...ORDER, policy: 'some' }, 'order.policy must be "all" or "partial", got "some"'],
    [{ ...ORDER, attributes: { note: 7 } }, 'order.attributes["note"] must be'],
    [{ ...ORDER, attributes: JSON.parse('{"__proto__":"x"}') }, 'order.attributes may not have the key "__proto__"'],
    [undefined, 'order is missing: it must be a map with orderId, lines, destination'],
  ])('given %j, then it is refused by name', (order, message) => {
    expect(refused(order)).toContain(message);
  });

  test('given more than one order may have, then it is refused with the bound', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, n) => ({ ...LINE, lineId: String(n) }));
    expect(parsed({ ...ORDER, lines: lines(ORDER_LINES_MAX) })).toMatchObject({ op: 'captureOrder' });
    expect(refused({ ...ORDER, lines: lines(ORDER_LINES_MAX + 1) })).toContain(`1 to ${ORDER_LINES_MAX} entries`);
    const many = Array.from({ length: SUBSTITUTES_MAX + 1 }, (_, n) => `s${n}`);
    expect(refused({ ...ORDER, lines: [{ ...LINE, substitutes: many }] })).toContain(`at most ${SUBSTITUTES_MAX}`);
    const parts = Array.from({ length: COMPONENTS_MAX + 1 }, () => ({ sku: 'a', qty: 1 }));
    expect(refused({ ...ORDER, lines: [{ ...LINE, components: parts }] })).toContain(`1 to ${COMPONENTS_MAX} entries`);
    const attributes = Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`a${n}`, 'x']));
    expect(refused({ ...ORDER, attributes })).toContain('at most 32 entries');
  });
});
