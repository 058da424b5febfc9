// Situations and policies for tests: whole ones with defaults, and arbitrary ones.
import fc from 'fast-check';
import { ACTIONS, ACTIONS_OF, type FactType, givenFactsOf, KINDS, type Kind } from '../kinds.ts';
import { type Policy, readPolicy } from '../policy.ts';
import { readSituation, type Situation } from '../situation.ts';

export const HOUR_MS = 3_600_000;
/** When everything begins. */
export const T0 = Date.UTC(2026, 10, 27, 8);

const SOME: Readonly<Record<FactType, string | boolean | number>> = {
  string: '',
  bool: false,
  int: 1,
  share: 0.5,
  money: 10_000,
  hours: 24,
  'list<string>': '',
};

/** Of parcel p1 of order o1, promised in three days. */
export function situationOf(kind: Kind, { facts = {}, ...rest }: Partial<Situation> = {}): Situation {
  const declared = givenFactsOf(kind).map(([name, { type, oneOf }]) => [name, oneOf?.[0] ?? SOME[type]] as const);
  return readSituation({
    orderId: 'o1',
    exceptionId: 'e1',
    kind,
    parcelId: 'p1',
    openedAt: T0,
    promisedAt: T0 + 72 * HOUR_MS,
    ...rest,
    facts: { ...Object.fromEntries(declared), promiseValue: 500, ...facts },
  });
}

/** The given rules, and for each kind without one that it goes to a person. */
export function policyOf(rules: readonly object[], rest: object = {}): Policy {
  const kinds = new Set(rules.map((one) => (one as { kind: string }).kind));
  const others = KINDS.filter((kind) => !kinds.has(kind));
  return readPolicy({
    version: 'test-1',
    ...rest,
    rules: [...rules, ...others.map((kind) => ({ id: `any-${kind}`, kind, when: 'true', allow: ['escalate'] }))],
  });
}

const share = fc.integer({ min: 0, max: 20 }).map((n) => n / 20);
const money = fc.integer({ min: 0, max: 50 }).map((n) => n * 1_000);
const hours = fc.integer({ min: -100, max: 200 });

function factOf(type: FactType, oneOf: readonly string[] | undefined): fc.Arbitrary<string | boolean | number> {
  if (oneOf !== undefined) return fc.constantFrom(...oneOf);
  switch (type) {
    case 'bool':
      return fc.boolean();
    case 'int':
      return fc.integer({ min: 0, max: 6 });
    case 'share':
      return share;
    case 'money':
      return money;
    case 'hours':
      return hours;
    case 'string':
    case 'list<string>':
      return fc.constantFrom('', 'a', 'gold');
  }
}

const estimate = fc.record(
  { cost: money, works: share, missIfWorks: share, missIfFails: share, loss: money },
  { requiredKeys: [] },
);
const option = fc
  .tuple(estimate, fc.integer({ min: 1, max: 20 }))
  .map(([one, days]) => ({ ...one, promisedAt: T0 + days * 24 * HOUR_MS }));

/** Of one of two parcels of one order. */
export const anySituationOf = (kind: Kind): fc.Arbitrary<Situation> =>
  fc
    .record({
      parcel: fc.constantFrom('p1', 'p2'),
      exception: fc.constantFrom(1, 1, 1, 2),
      facts: fc.record(
        Object.fromEntries(givenFactsOf(kind).map(([name, { type, oneOf }]) => [name, factOf(type, oneOf)])),
      ),
      options: fc.dictionary(fc.constantFrom(...ACTIONS), option, { minKeys: 4, maxKeys: 8 }),
      failed: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        fc.subarray(ACTIONS_OF[kind].filter((action) => action !== 'wait' && action !== 'escalate')),
      ),
      promised: fc.boolean(),
    })
    .map(({ parcel, exception, facts, options, failed, promised }) =>
      readSituation({
        orderId: 'o1',
        // An exception is of one kind and one parcel for all its life.
        exceptionId: `${kind}-${parcel}-${exception}`,
        kind,
        parcelId: parcel,
        openedAt: T0,
        ...(promised ? { promisedAt: T0 + 72 * HOUR_MS } : {}),
        facts,
        options,
        failed,
      }),
    );

const WHENS = [
  'missProbability > 0.5',
  'actionsOnParcel == 0',
  'value < 20000.0',
  'hoursOpen >= 24.0',
  '"upgrade" in available',
];

/** Rules of every kind, the last of which always applies, with caps and a kill switch of any sort. */
export const anyPolicy: fc.Arbitrary<Policy> = fc
  .record({
    rules: fc.tuple(
      ...KINDS.map((kind) =>
        fc.tuple(
          fc.uniqueArray(fc.constantFrom(...WHENS), { maxLength: 2 }).map((some) => [...some, 'true']),
          fc.array(fc.subarray([...ACTIONS_OF[kind]], { minLength: 2 }), { minLength: 3, maxLength: 3 }),
        ),
      ),
    ),
    caps: fc.record({
      perParcel: fc.integer({ min: 0, max: 3 }),
      perOrder: fc.integer({ min: 0, max: 4 }),
      instead: fc.constantFrom('escalate', 'wait'),
    }),
    hysteresis: fc.record({
      dwellMs: fc.integer({ min: 0, max: 24 }).map((n) => n * HOUR_MS),
      switchMargin: fc.constantFrom(0, 1_000, 20_000),
      switchShare: fc.constantFrom(0, 0.1),
    }),
  })
  .map(({ rules, caps, hysteresis }) =>
    readPolicy({
      version: 'any',
      costs: { unresolved: 20_000, breachFixed: 30_000 },
      caps,
      hysteresis,
      rules: rules.flatMap(([whens, allows], k) =>
        whens.map((when, n) => ({ id: `${KINDS[k]}-${n}`, kind: KINDS[k], when, allow: allows[n] })),
      ),
    }),
  );
