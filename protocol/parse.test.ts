// Every op with every field missing, of a wrong type, out of range, misspelt; and what the messages say.
import { describe, expect, test } from 'vitest';
import { MISSING_NAMED_MAX } from './fields.ts';
import type { BatchRequest, Failure, Op } from './index.ts';
import { formatReservationId, parseReservationId, QTY_MAX, RESERVATION_ID_LENGTH_MAX } from './index.ts';
import { parseRequest } from './parse.ts';
import { FIELDS } from './schema.ts';
import { goodRequest, long, OPS } from './testing/field-table.ts';

function refusalOf(value: unknown): Failure {
  const { request } = parseRequest(value);
  expect(request).toHaveProperty('ok', false);
  return request as Failure;
}

describe.each(Object.keys(OPS))('%s', (op) => {
  const fields = Object.entries(OPS[op as Op]);

  test('given all fields right, then it is accepted with exactly the fields of its type', () => {
    const { id, request } = parseRequest(goodRequest(op));
    expect(request).toMatchObject({ op });
    expect(id).toBe(1);
  });

  test('given only the required fields, then it is accepted', () => {
    const request = goodRequest(op);
    for (const [field, { required: needed }] of fields) {
      if (op === 'configure' ? field === 'backorderLimit' || field === 'channelBuffers' : !needed)
        delete request[field];
    }
    expect(parseRequest(request).request).not.toHaveProperty('ok');
  });

  test('given a required field missing, then it is refused by name', () => {
    for (const [field, { required: needed }] of fields) {
      if (!needed) continue;
      const { [field]: _, ...rest } = goodRequest(op);
      const refusal = refusalOf(rest);
      expect(refusal.code).toBe('BAD_REQUEST');
      expect(refusal.message).toContain(field);
    }
  });

  test('given a field at its bounds, then it is accepted', () => {
    for (const [field, { alsoGood }] of fields) {
      for (const value of alsoGood ?? []) {
        expect(
          parseRequest({ ...goodRequest(op), [field]: value }).request,
          `${field} ${String(value)}`,
        ).not.toHaveProperty('ok');
      }
    }
  });

  test('given a field of a wrong type or out of range, then it is refused by name and with the id', () => {
    for (const [field, { bad }] of fields) {
      for (const value of bad) {
        const { id, request } = parseRequest({ ...goodRequest(op), [field]: value });
        expect(request, `${field}: ${String(value)}`).toMatchObject({
          ok: false,
          code: 'BAD_REQUEST',
          retriable: false,
        });
        expect((request as Failure).message).toContain(field);
        expect((request as Failure).message.length).toBeLessThan(250);
        expect(id).toBe(1);
      }
    }
  });

  test('given an unknown field, then it is refused by name', () => {
    for (const field of ['colour', '__proto__', 'constructor', 'toString', 'x'.repeat(1_000)]) {
      const request = { ...goodRequest(op) };
      Object.defineProperty(request, field, { value: 1, enumerable: true });
      const refusal = refusalOf(request);
      expect(refusal.code).toBe('BAD_REQUEST');
      expect(refusal.message).toContain(`unknown field "${field.slice(0, 20)}`);
    }
  });

  test('given a field with its name misspelt, then the right name is suggested', () => {
    for (const [field] of fields) {
      const { [field]: value, ...rest } = goodRequest(op);
      const snake = field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      for (const misspelt of [`${field}x`, field.toUpperCase(), snake]) {
        if (misspelt === field) continue;
        expect(refusalOf({ ...rest, [misspelt]: value }).message).toMatch(
          `unknown field "${misspelt}" (did you mean "`,
        );
      }
    }
  });

  test('given a missing or unusable id, then it is refused without one', () => {
    for (const id of [undefined, null, true, 1.5, 2 ** 53, Number.NaN, '', long(65), 'a\n', '\ud800', [], {}]) {
      const parsed = parseRequest({ ...goodRequest(op), id });
      expect(parsed.id).toBeUndefined();
      expect(parsed.request).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringMatching(/^id /) });
    }
    for (const id of [0, -1, 2 ** 53 - 1, 'a', long(64), 'a b'])
      expect(parseRequest({ ...goodRequest(op), id }).id).toBe(id);
  });

  test('given the table of this test, then it has every field of the schema', () => {
    const excluded = { adjust: ['onHand'], subscribe: ['sku'], unsubscribe: ['sku'] }[op] ?? [];
    expect([...fields.map(([field]) => field), ...excluded].sort()).toEqual([...FIELDS[op as Op]].sort());
  });
});

describe('what is not a request', () => {
  test('given no map, then it is refused without id', () => {
    for (const value of [undefined, null, 1, 'reserve', true, [], [{ id: 1, op: 'get' }], 1n, Number.NaN]) {
      expect(parseRequest(value)).toMatchObject({ id: undefined, request: { code: 'BAD_REQUEST' } });
    }
  });

  test('given a missing or unknown op, then the message says which there are or which was meant', () => {
    expect(refusalOf({ id: 1 }).message).toContain('op is missing: it must be one of reserve, ');
    for (const op of [null, 1, [], {}, true])
      expect(refusalOf({ id: 1, op }).message).toMatch(/^op must be one of reserve, /);
    expect(refusalOf({ id: 1, op: 'Reserve' }).message).toBe('unknown op "Reserve" (did you mean "reserve"?)');
    expect(refusalOf({ id: 1, op: 'get_reservation' }).message).toContain('did you mean "getReservation"?');
    expect(refusalOf({ id: 1, op: 'constructor' }).message).toContain('unknown op "constructor"');
    expect(refusalOf({ id: 1, op: long(9_000) }).message.length).toBeLessThan(400);
  });
});

describe('messages', () => {
  test.each([
    [{ ...goodRequest('reserve'), qty: '2' }, 'qty must be an integer from 1 to 2147483647, got "2"'],
    [{ ...goodRequest('reserve'), qty: 1.5 }, 'qty must be an integer from 1 to 2147483647, got 1.5'],
    [{ ...goodRequest('reserve'), qty: undefined }, 'qty is missing: it must be an integer from 1 to 2147483647'],
    [{ ...goodRequest('reserve'), qty: undefined, quantity: 2 }, 'unknown field "quantity" (did you mean "qty"?)'],
    [
      { ...goodRequest('reserve'), owner: null },
      'owner must be 1 to 64 printable characters without spaces, got null (a field that does not apply is left out)',
    ],
    [{ ...goodRequest('get'), colour: 1 }, 'unknown field "colour"; get takes sku, region'],
    [
      { ...goodRequest('get'), sku: ['a', 'b'] },
      'sku must be 1 to 64 printable characters without spaces, got an array of 2',
    ],
    [{ ...goodRequest('query'), skus: ['a', 7] }, 'skus[1] must be 1 to 64 printable characters without spaces, got 7'],
    [
      { ...goodRequest('adjust'), onHand: 1 },
      'adjust takes either delta (units to add, or to remove if negative) or onHand (units counted)',
    ],
    [{ ...goodRequest('subscribe'), sku: 'a' }, 'subscribe takes either sku or skus'],
    [
      { ...goodRequest('configure'), node: undefined },
      'node is missing: safetyStock and backorderLimit are settings of a node',
    ],
  ])('given %j, then the message is %s', (request, message) => {
    expect(refusalOf(request).message).toBe(message);
  });

  test('given several fields that are missing, then all of them are named, within an order too', () => {
    expect(refusalOf({ id: 1, op: 'reserve' }).message).toMatch(
      /^sku is missing: .*; region is missing: .*; qty is missing: .*; requestId is missing: /,
    );
    const { message } = refusalOf({ id: 1, op: 'captureOrder', order: { orderId: 'o', lines: [{}, {}] } });
    expect(message.match(/\S+(?= is missing)/g)).toEqual([
      'region',
      ...['lineId', 'sku', 'qty'].map((field) => `order.lines[0].${field}`),
      ...['lineId', 'sku', 'qty'].map((field) => `order.lines[1].${field}`),
      'order.destination',
      'requestId',
    ]);
    const lines = Array.from({ length: 1_000 }, () => ({}));
    const many = refusalOf({ id: 1, op: 'captureOrder', region: 'a', requestId: 'r', order: { lines } }).message;
    expect(many.match(/ is missing/g)).toHaveLength(MISSING_NAMED_MAX);
    expect(many).toMatch(/; and more$/);
    expect(refusalOf({ id: 1, op: 'reserve', sku: 7 }).message).toMatch(/^sku must be [^;]*$/);
  });

  test('given a bad token, then the message does not repeat it', () => {
    expect(refusalOf({ id: 1, op: 'hello', token: 'secret\n' }).message).not.toContain('secret');
  });

  test('given a long value that is cut inside a surrogate pair, then the message is well-formed', () => {
    const { message } = refusalOf({ ...goodRequest('get'), sku: `${'x'.repeat(39)}🎁${'x'.repeat(60)}` });
    expect(message).toContain('(101 characters)');
    expect(() => encodeURIComponent(message)).not.toThrow();
  });
});

describe('rules between fields', () => {
  test('given defaults, then they are filled in', () => {
    const { request } = parseRequest({ id: 1, op: 'reserve', sku: 'a', region: 'r', qty: 1, requestId: 'x' });
    expect(request).toEqual({
      op: 'reserve',
      sku: 'a',
      region: 'r',
      qty: 1,
      ttlMs: 600_000,
      owner: undefined,
      node: undefined,
      channel: undefined,
      allowPartial: false,
      requestId: 'x',
    });
    expect(parseRequest({ id: 1, op: 'list', region: 'r' }).request).toMatchObject({ limit: 1_000 });
  });

  test('given adjust, then exactly one of delta and onHand is taken', () => {
    const { delta: _, ...neither } = goodRequest('adjust');
    expect(refusalOf(neither).code).toBe('BAD_REQUEST');
    expect(parseRequest({ ...neither, onHand: 0 }).request).toMatchObject({ onHand: 0, delta: undefined });
    expect(Object.is((parseRequest({ ...neither, onHand: -0 }).request as { onHand: number }).onHand, 0)).toBe(true);
    for (const onHand of [-1, 1.5, '1', null, QTY_MAX + 1])
      expect(refusalOf({ ...neither, onHand }).message).toContain('onHand');
  });

  test('given configure with nothing to set or a node for nothing, then it is refused', () => {
    const base = { id: 1, op: 'configure', sku: 'a', region: 'r', requestId: 'x' };
    expect(refusalOf(base).message).toContain('at least one of');
    expect(refusalOf({ ...base, node: 'n' }).message).toContain('at least one of');
    expect(refusalOf({ ...base, node: 'n', limitPerOwner: 1 }).message).toContain('node goes with');
  });

  test('given buffers in any order, then the request is the same', () => {
    const base = { id: 1, op: 'configure', sku: 'a', region: 'r', requestId: 'x' };
    const one = parseRequest({ ...base, channelBuffers: { web: 1, app: 2 } });
    const other = parseRequest({ ...base, channelBuffers: { app: 2, web: 1 } });
    expect(JSON.stringify(one)).toBe(JSON.stringify(other));
  });

  test('given a single sku to subscribe, then it becomes a list of one', () => {
    const { request } = parseRequest({ id: 1, op: 'subscribe', sku: 'a', region: 'r' });
    expect(request).toEqual({ op: 'subscribe', skus: ['a'], region: 'r' });
    expect(refusalOf({ id: 1, op: 'subscribe', region: 'r' }).message).toBe('subscribe takes either sku or skus');
  });

  test('given more positions than one request may name, then it is TOO_LARGE', () => {
    const skus = Array.from({ length: 1_001 }, (_, i) => `s${i}`);
    expect(refusalOf({ id: 1, op: 'query', skus }).code).toBe('TOO_LARGE');
    expect(refusalOf({ id: 1, op: 'query', skus: skus.slice(0, 501), regions: ['a', 'b'] }).code).toBe('TOO_LARGE');
    expect(
      parseRequest({ id: 1, op: 'query', skus: skus.slice(0, 500), regions: ['a', 'b'] }).request,
    ).not.toHaveProperty('ok');
    expect(refusalOf({ id: 1, op: 'subscribe', skus, region: 'r' }).code).toBe('TOO_LARGE');
    expect(refusalOf({ id: 1, op: 'batch', items: Array(1_001).fill({}) }).code).toBe('TOO_LARGE');
  });
});

describe('batch', () => {
  const itemsOf = (items: unknown[]) => (parseRequest({ id: 1, op: 'batch', items }).request as BatchRequest).items;

  test('given good and bad items, then each stands alone and keeps its id', () => {
    const good = { op: 'get', sku: 'a', region: 'r' };
    const items = itemsOf([
      good,
      { ...good, id: 'x' },
      { ...good, id: null },
      { ...good, skew: 1, id: 7 },
      null,
      'get',
      [good],
      1,
    ]);
    expect(items.slice(0, 2)).toEqual([
      { id: undefined, request: good },
      { id: 'x', request: good },
    ]);
    expect(items.map(({ request }) => ('ok' in request ? request.code : 'good'))).toEqual([
      'good',
      'good',
      ...Array(6).fill('BAD_REQUEST'),
    ]);
    expect(items.map(({ id }) => id)).toEqual([
      undefined,
      'x',
      undefined,
      7,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('given an item that concerns the connection or is a batch itself, then it is refused', () => {
    for (const op of ['batch', 'subscribe', 'unsubscribe', 'hello', 'map']) {
      expect(itemsOf([{ ...goodRequest(op), id: 3 }])).toEqual([
        {
          id: 3,
          request: expect.objectContaining({ code: 'BAD_REQUEST', message: `${op} cannot be an item of a batch` }),
        },
      ]);
    }
  });
});

describe('reservation ids', () => {
  test('given an id that cannot be ours, then NOT_FOUND, unless something else is wrong', () => {
    const foreign = [
      '',
      'x',
      '1.1.r',
      '1.1./s',
      '1.1.r/',
      '.1.r/s',
      '1..r/s',
      '01.1.r/s',
      '1A.1.r/s',
      '-1.1.r/s',
      '1.1.r/a b',
    ];
    const more = [
      `zzzzzzzzzzz.1.r/s`,
      `1.1.${long(33)}/s`,
      `1.1.r/${long(65)}`,
      '1.1.r/\n',
      '\ud800',
      '1 .1.r/s',
      long(5_000),
    ];
    for (const id of [...foreign, ...more]) {
      for (const op of ['extend', 'commit', 'release', 'ship', 'getReservation']) {
        expect(refusalOf({ ...goodRequest(op), reservationId: id }), id).toMatchObject({
          code: 'NOT_FOUND',
          retriable: false,
        });
      }
      expect(refusalOf({ ...goodRequest('release'), reservationId: id, requestId: 7 }).code).toBe('BAD_REQUEST');
    }
  });

  test('given an id that we wrote, then it is read back', () => {
    const ref = { region: 'a.b', sku: '1.2.r/s/"x"', epoch: 0, no: 2 ** 53 - 1 };
    const id = formatReservationId(ref.region, ref.sku, ref.epoch, ref.no);
    expect(parseReservationId(id)).toEqual(ref);
    const longest = formatReservationId(long(32), long(64), 2 ** 53 - 1, 2 ** 53 - 1);
    expect(longest.length).toBe(RESERVATION_ID_LENGTH_MAX);
    expect(parseReservationId(longest)).toBeDefined();
  });
});
