// The simulated carrier without its clock: what it answers, how it misbehaves, and that its luck does not depend on the order of calls.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CarrierError } from '../errors.ts';
import { FINAL_KINDS } from '../port.ts';
import { bookOf, CHICAGO, calm, GROUND, NEW_YORK, NEWARK } from '../testing/profiles.ts';
import { DEFAULT_PROFILE, ProfileInvalid, readProfile, transitDays } from './profile.ts';
import { CarrierWorld } from './world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-11-23T00:00:00Z');
const YEAR = 365 * DAY;

function codeOf(run: () => unknown): { code: string; retriable: boolean; retryAfterMs: number } {
  try {
    run();
  } catch (error) {
    if (error instanceof CarrierError)
      return { code: error.code, retriable: error.retriable, retryAfterMs: error.retryAfterMs };
    throw error;
  }
  return { code: 'none', retriable: false, retryAfterMs: 0 };
}

/** Books so many parcels at once, and returns their truth. */
function shipped(world: CarrierWorld, count: number, changes: object = {}) {
  return Array.from({ length: count }, (_, n) => {
    const { trackingId } = world.call('book', bookOf(`s-${n}`, { readyAt: NOW, ...changes }), `k-${n}`, NOW);
    const truth = world.truthOf(trackingId);
    if (truth === undefined) throw new Error('a booked parcel is known');
    return { trackingId, ...truth };
  });
}

describe('transit', () => {
  test('given a calm carrier, then parcels take as long as its quantiles say', () => {
    const parcels = shipped(new CarrierWorld(calm(), { seed: 7 }), 4_000);
    const days = parcels.map(({ scans, pickupAt }) => ((scans.at(-1)?.at ?? 0) - pickupAt) / DAY);
    for (const p of [0.1, 0.5, 0.9, 0.98]) {
      const within = days.filter((one) => one <= transitDays(GROUND, 1_100, p)).length / days.length;
      expect(within).toBeCloseTo(p, 1);
      expect(Math.abs(within - p)).toBeLessThan(0.025);
    }
  });

  test('given another order of calls, then each shipment has the same luck', () => {
    const one = new CarrierWorld(DEFAULT_PROFILE, { seed: 3 });
    const other = new CarrierWorld(DEFAULT_PROFILE, { seed: 3 });
    const book = (world: CarrierWorld, n: number) => {
      for (let attempt = 0; ; attempt += 1) {
        try {
          return world.call('book', bookOf(`s-${n}`, { readyAt: NOW }), `k-${n}`, NOW + attempt * HOUR).trackingId;
        } catch (error) {
          if (!(error instanceof CarrierError && error.retriable)) throw error;
        }
      }
    };
    const forth = Array.from({ length: 50 }, (_, n) => book(one, n));
    const back = Array.from({ length: 50 }, (_, n) => book(other, 49 - n)).reverse();
    expect(forth.map((id) => one.truthOf(id)?.scans)).toEqual(back.map((id) => other.truthOf(id)?.scans));
  });
});

describe('calls', () => {
  const world = () => new CarrierWorld(calm(), { seed: 1 });

  test('given a call again with the same key, then the same answer, and one parcel', () => {
    const one = world();
    const first = one.call('book', bookOf('s'), 'k', NOW);
    expect(one.call('book', bookOf('s'), 'k', NOW + DAY)).toEqual(first);
    expect(codeOf(() => one.call('book', bookOf('other'), 'k', NOW))).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(one.call('book', bookOf('s'), 'k2', NOW).trackingId).not.toBe(first.trackingId);
  });

  test('given an answer that was lost, then asking again with the key finds what was booked', () => {
    const profile = calm({ calls: { unanswered: 0.5, perSecond: 1_000_000, burst: 1_000_000 } });
    const one = new CarrierWorld(profile, { seed: 2 });
    const lost = Array.from({ length: 40 }, (_, n) => n).filter(
      (n) => codeOf(() => one.call('book', bookOf(`s-${n}`), `k-${n}`, NOW)).code === 'TIMEOUT',
    );
    expect(lost.length).toBeGreaterThan(5);
    const told = one.takeReports(NOW + YEAR).filter(({ kind }) => kind === 'labelCreated');
    expect(new Set(told.map(({ shipmentId }) => shipmentId)).size).toBe(40);
  });

  test.each<[string, object, string]>([
    ['a service that is not there', { service: 'rocket' }, 'NO_SERVICE'],
    ['a place that is not on earth', { to: { ...CHICAGO, latitude: 91 } }, 'BAD_REQUEST'],
    ['no weight', { grams: -1 }, 'BAD_REQUEST'],
    ['an id with spaces', { shipmentId: 'a b' }, 'BAD_REQUEST'],
  ])('given %s, then it is refused', (_, changes, code) => {
    expect(codeOf(() => world().call('book', bookOf('s', changes), 'k', NOW))).toMatchObject({
      code,
      retriable: false,
    });
  });

  test('given lanes, then it goes along them only', () => {
    const one = new CarrierWorld(calm({ services: [{ ...GROUND, lanes: { '071': ['IL'] } }] }), { seed: 1 });
    const way = (from: object, to: object) => ({ from, to, grams: 1, readyAt: NOW });
    expect(one.call('rate', way(NEWARK, CHICAGO), 'a', NOW)).toHaveLength(1);
    expect(one.call('rate', way(NEWARK, NEW_YORK), 'b', NOW)).toHaveLength(0);
    expect(codeOf(() => one.call('book', bookOf('s', way(CHICAGO, NEWARK)), 'k', NOW)).code).toBe('NO_SERVICE');
  });

  test('given a day that is full, then it says when there is room, and a cancel makes some', () => {
    const one = new CarrierWorld(calm({ services: [{ ...GROUND, pickupsPerDay: 2 }] }), { seed: 1 });
    const book = (n: number, readyAt = NOW) => one.call('book', bookOf(`s-${n}`, { readyAt }), `k-${n}`, NOW);
    const first = book(1);
    book(2);
    expect(codeOf(() => book(3))).toEqual({ code: 'NO_CAPACITY', retriable: true, retryAfterMs: DAY });
    book(4, NOW + DAY);
    one.call('cancel', { trackingId: first.trackingId }, 'c', NOW);
    book(3);
  });

  test('given more calls than it takes, then it says how long to wait', () => {
    const one = new CarrierWorld(calm({ calls: { failed: 0, unanswered: 0, perSecond: 2, burst: 3 } }), { seed: 1 });
    const ask = (at: number) => codeOf(() => one.call('rate', bookOf('s'), 'k', at));
    expect([1, 2, 3].map(() => ask(NOW).code)).toEqual(['none', 'none', 'none']);
    const refused = ask(NOW);
    expect(refused).toEqual({ code: 'RATE_LIMITED', retriable: true, retryAfterMs: 500 });
    expect(ask(NOW + 500).code).toBe('none');
  });

  test('given an outage, then calls fail until it ends', () => {
    const outage = { disruptionId: 'o', kind: 'outage', from: NOW, until: NOW + HOUR, severity: 1 } as const;
    const one = new CarrierWorld(calm(), { seed: 1, disruptions: [outage] });
    expect(codeOf(() => one.call('rate', bookOf('s'), 'k', NOW)).code).toBe('UNAVAILABLE');
    expect(codeOf(() => one.call('rate', bookOf('s'), 'k', NOW + HOUR)).code).toBe('none');
  });
});

describe('disruptions', () => {
  const strike = { disruptionId: 'x', kind: 'strike', from: NOW, until: NOW + 5 * DAY, severity: 1 } as const;

  test('given a strike of the service, then nothing arrives before it ends', () => {
    const free = shipped(new CarrierWorld(calm(), { seed: 5 }), 50);
    const held = shipped(new CarrierWorld(calm(), { seed: 5, disruptions: [strike] }), 50);
    const arrived = (parcels: typeof free) => parcels.map(({ scans }) => scans.at(-1)?.at ?? 0);
    expect(Math.min(...arrived(held))).toBeGreaterThan(NOW + 5 * DAY);
    for (const [n, at] of arrived(held).entries()) {
      expect(at - (arrived(free)[n] ?? 0)).toBeGreaterThan(4 * DAY);
      expect(at - (arrived(free)[n] ?? 0)).toBeLessThan(5 * DAY + 1_000);
    }
  });

  test('given a strike of another service, or a storm elsewhere, then nothing is late', () => {
    const other = { ...strike, services: ['express'] };
    const storm = {
      ...strike,
      disruptionId: 's',
      kind: 'storm',
      circle: { latitude: 30, longitude: -100, radiusKm: 200 },
    } as const;
    const free = shipped(new CarrierWorld(calm(), { seed: 5 }), 20);
    const same = shipped(new CarrierWorld(calm(), { seed: 5, disruptions: [other, storm] }), 20);
    expect(same.map(({ scans }) => scans)).toEqual(free.map(({ scans }) => scans));
  });

  test('given a storm on the way, then those that pass it are late', () => {
    const storm = { ...strike, kind: 'storm', circle: { latitude: 41.3, longitude: -81, radiusKm: 300 } } as const;
    const free = shipped(new CarrierWorld(calm(), { seed: 5 }), 50);
    const held = shipped(new CarrierWorld(calm(), { seed: 5, disruptions: [storm] }), 50);
    const late = held.filter(({ scans }, n) => (scans.at(-1)?.at ?? 0) > (free[n]?.scans.at(-1)?.at ?? 0) + HOUR);
    expect(late.length).toBeGreaterThan(40);
  });
});

describe('scans', () => {
  test('given the default carrier, then some are lost, some told twice and some out of order, none before it happened', () => {
    const world = new CarrierWorld(
      readProfile({ ...DEFAULT_PROFILE, calls: calm().calls, disruptions: calm().disruptions }),
      {
        seed: 11,
      },
    );
    const parcels = shipped(world, 400);
    const told = new Map<string, number>();
    let outOfOrder = 0;
    const latest = new Map<string, number>();
    for (let at = NOW; at < NOW + 60 * DAY; at += HOUR) {
      for (const event of world.takeReports(at)) {
        expect(event.at).toBeLessThanOrEqual(at);
        told.set(event.eventId, (told.get(event.eventId) ?? 0) + 1);
        if (event.at < (latest.get(event.trackingId) ?? 0)) outOfOrder += 1;
        latest.set(event.trackingId, Math.max(event.at, latest.get(event.trackingId) ?? 0));
      }
    }
    const planned = parcels.flatMap(({ scans }) => scans);
    expect(planned.length - told.size).toBeGreaterThan(planned.length * 0.02);
    expect([...told.values()].filter((times) => times > 1).length).toBeGreaterThan(told.size * 0.01);
    expect(outOfOrder).toBeGreaterThan(10);
  });

  test('given a parcel long after its end, then it is forgotten', () => {
    const world = new CarrierWorld(calm(), { seed: 1 });
    const [parcel] = shipped(world, 1);
    world.takeReports(NOW + YEAR);
    expect(codeOf(() => world.call('track', { trackingId: parcel?.trackingId }, 't', NOW + YEAR)).code).toBe(
      'NOT_FOUND',
    );
  });
});

describe('intercepts', () => {
  test('given many in transit, then as many succeed as its chance says, and those go back and are not delivered', () => {
    const world = new CarrierWorld(calm({ intercept: { inTransit: 0.7 } }), { seed: 9 });
    const parcels = shipped(world, 600);
    const at = NOW + 12 * HOUR;
    for (const { trackingId } of parcels)
      world.call('intercept', { trackingId, action: 'return' }, `i-${trackingId}`, at);
    const ends = parcels.map(({ trackingId }) => (world.truthOf(trackingId)?.scans ?? []).map(({ kind }) => kind));
    const stopped = ends.filter((kinds) => kinds.includes('intercepted'));
    expect(stopped.length / parcels.length).toBeGreaterThan(0.64);
    expect(stopped.length / parcels.length).toBeLessThan(0.76);
    for (const kinds of ends) {
      expect(kinds.at(-1)).toBe(kinds.includes('intercepted') ? 'returned' : 'delivered');
      expect(kinds.includes('intercepted')).not.toBe(kinds.includes('interceptFailed'));
    }
  });

  test('given a delivered parcel, then it is too late for anything', () => {
    const world = new CarrierWorld(calm(), { seed: 9 });
    const [parcel] = shipped(world, 1);
    const call = (operation: 'cancel' | 'intercept') =>
      codeOf(() =>
        world.call(operation, { trackingId: parcel?.trackingId, action: 'return' }, operation, NOW + YEAR / 12),
      );
    expect(call('intercept').code).toBe('TOO_LATE');
    expect(call('cancel').code).toBe('TOO_LATE');
  });

  test('whatever is asked when, a parcel has at most one final scan, the last, and scans in the order of time', () => {
    const act = fc.record({
      hours: fc.integer({ min: 0, max: 150 }),
      what: fc.constantFrom('return', 'redirect', 'cancel'),
    });
    fc.assert(
      fc.property(fc.integer(), fc.array(act, { maxLength: 6 }), (seed, acts) => {
        const world = new CarrierWorld(
          readProfile({ ...DEFAULT_PROFILE, calls: calm().calls, disruptions: { ...calm().disruptions } }),
          {
            seed,
          },
        );
        const { trackingId } = world.call('book', bookOf('s', { readyAt: NOW + DAY }), 'k', NOW);
        for (const [n, { hours, what }] of acts.sort((a, b) => a.hours - b.hours).entries()) {
          const at = NOW + hours * HOUR;
          const to = what === 'redirect' ? { to: NEW_YORK } : {};
          codeOf(() =>
            what === 'cancel'
              ? world.call('cancel', { trackingId }, `c-${n}`, at)
              : world.call('intercept', { trackingId, action: what, ...to }, `i-${n}`, at),
          );
        }
        const truth = world.truthOf(trackingId);
        const kinds = (truth?.scans ?? []).map(({ kind }) => kind);
        const times = (truth?.scans ?? []).map(({ at }) => at);
        expect(times).toEqual([...times].sort((a, b) => a - b));
        const finals = kinds.filter((kind) => FINAL_KINDS.has(kind));
        expect(finals.length).toBe(truth?.lost === true ? 0 : 1);
        if (finals.length === 1) expect(FINAL_KINDS.has(kinds.at(-1) ?? 'note')).toBe(true);
      }),
    );
  });
});

test('given a profile with a typo, then it names it', () => {
  expect(() => readProfile({ carrier: 'a', services: [GROUND], scnas: {} })).toThrow(ProfileInvalid);
  expect(() => readProfile({ carrier: 'a', services: [GROUND, GROUND] })).toThrow(/services: two have the same name/);
});
