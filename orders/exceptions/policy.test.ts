// What is found out about a policy when it is read, and that what is claimed about its conditions is so.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from './conditions.ts';
import { isAlways, isNever, read, shadowedBy } from './implication.ts';
import { KINDS } from './kinds.ts';
import { PolicyInvalid, parsePolicy, readPolicy } from './policy.ts';

const EXAMPLE = new URL('../../examples/policies/standard.yaml', import.meta.url);
const LAST = KINDS.map((kind) => ({ id: `any-${kind}`, kind, when: 'true', allow: ['escalate'] }));
const late = (when: string, id = 'late') => ({ id, kind: 'lateRisk', when, allow: ['wait'] });

function wrongOf(document: unknown): string[] {
  try {
    readPolicy(document);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyInvalid)) throw error;
    return error.message.split('\n');
  }
}

const wrongRules = (...rules: unknown[]) => wrongOf({ version: '1', rules: [...rules, ...LAST] });

describe('readPolicy', () => {
  test('given the example, then it can be used and has a rule of each kind', () => {
    const { rulesOf } = parsePolicy(readFileSync(EXAMPLE, 'utf8'));

    expect(KINDS.filter((kind) => rulesOf[kind].length === 0)).toEqual([]);
  });

  test.each<[string, unknown, RegExp]>([
    ['an unknown variable', late('risk > 0.5'), /^rules\.0 \(late\): when: Unknown variable: risk$/],
    ['a variable of another kind', late('rejections > 1'), /when: Unknown variable: rejections$/],
    ['types that do not fit', late('customerTier > 3'), /when: no such overload: string > int$/],
    ['a number of another type', late('hoursToPromise == 18'), /: double == int; beside a double write 18\.0, not 18$/],
    ['a condition that is no bool', late('missProbability'), /when: is of type double, not bool$/],
    ['a condition that cannot be read', late('missProbability >'), /when: Unexpected token: EOF$/],
    [
      'a value that a fact never has',
      late('stage == "shiped"'),
      /when: stage is never "shiped": it is one of captured, /,
    ],
    ['an action that is none', late('"fly" in available'), /when: available is never "fly": it is one of wait, /],
    [
      'a share above 1',
      late('missProbability > 1.5'),
      /^rules\.0 \(late\): when: missProbability is a share, from 0 to 1, so `missProbability > 1\.5` never holds$/,
    ],
    ['a share below 0', late('missProbability != -0.5'), /missProbability is a share, .* always holds$/],
    [
      'a share that is given in percent',
      late('hoursOpen < 2.0 || 70 <= missProbability'),
      /`missProbability >= 70` never/,
    ],
    ['a bound that nothing is beyond', late('missProbability > 1.0'), /`missProbability > 1\.0` never holds$/],
    ['such a share in a list', late('missProbability in [0.5, 1.5]'), /`missProbability == 1\.5` never holds$/],
    ['a count below 0', late('actionsOnParcel < 0'), /actionsOnParcel is a count, from 0 on, so .* never holds$/],
    ['money below 0', late('value <= -1.0'), /value is money in minor units, from 0 on, so .* never holds$/],
    [
      'hours in milliseconds',
      late('hoursToPromise > 64800000.0'),
      /hoursToPromise is in hours, 1,000,000 at most, so .* never holds; 18 hours are 18\.0$/,
    ],
    [
      'numbers of two units',
      late('missProbability > hoursOpen'),
      /missProbability is a share, .*; hoursOpen is in hours, /,
    ],
    ['such a value in a list', late('stage in ["picked", "shiped"]'), /when: stage is never "shiped"/],
    [
      'an action that makes no sense',
      { ...late('hoursOpen > 1.0'), allow: ['refund'] },
      /: refund makes no sense for lateRisk; there are wait, /,
    ],
    ['an action twice', { ...late('hoursOpen > 1.0'), allow: ['wait', 'wait'] }, /: allows an action twice$/],
    [
      'params of an action that is not allowed',
      { ...late('hoursOpen > 1.0'), params: { cancel: {} } },
      /: has params for cancel, which it does not allow$/,
    ],
    ['an id twice', late('hoursOpen > 1.0', 'any-damaged'), /: rules\.0 has the same id$/],
    [
      'a condition that never holds',
      late('missProbability > 0.5 && missProbability < 0.2'),
      /is never reached: its condition never holds$/,
    ],
    ['a misspelt field', { ...late('hoursOpen > 1.0'), alow: [] }, /^rules\.0 \(late\): .*alow/],
    ['a kind that is not there', { ...late('true'), kind: 'flood' }, /^rules\.0 \(late\)\.kind: /],
  ])('given %s, then it is named', (_, rule, message) => {
    const wrong = wrongRules(rule);

    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toMatch(message);
  });

  test.each<[string, string, string]>([
    ['one that always holds', '1 == 1', 'hoursOpen > 1.0'],
    ['the same condition in other words', 'hoursOpen>1.0 && "wait" in failed', '"wait" in failed && 1.0 < hoursOpen'],
    ['a part of it', 'hoursOpen > 1.0', 'missProbability > 0.9 && hoursOpen > 1.0'],
    ['a wider bound', 'missProbability > 0.5', 'missProbability >= 0.6'],
    ['one of which it is a case', 'stage == "picked" || stage == "released"', 'stage == "released"'],
    ['a list with all its values', 'stage in ["picked", "released"]', '"picked" == stage'],
    ['the opposite of a condition', '!(hoursOpen > 1.0)', 'hoursOpen <= 0.0'],
  ])('given a rule after %s, then it is never reached', (_, earlier, later) => {
    expect(wrongRules(late(earlier, 'first'), late(later, 'second'))).toContainEqual(
      expect.stringMatching(/^rules\.1 \(second\): is never reached: wherever .* holds, first holds before it$/),
    );
  });

  test('given a rule whose cases are covered by two others, then both are named', () => {
    const rules = [
      late('value > 5.0', 'one'),
      late('hoursOpen < 2.0', 'two'),
      late('value > 6.0 || hoursOpen < 1.0', 'three'),
    ];

    expect(wrongRules(...rules)).toEqual([expect.stringContaining('one and two holds before it')]);
  });

  test('given many mistakes, then all are named at once', () => {
    const wrong = wrongOf({
      version: '',
      caps: { perParcel: -1 },
      rules: [late('nope && hoursOpen > nada'), { ...late('true', 'x'), allow: [] }, ...LAST.slice(1)],
    });

    for (const part of [
      /^version: /,
      /^caps\.perParcel: /,
      /variable: nope/,
      /variable: nada/,
      /^rules\.1 \(x\)\.allow: /,
      /^kind shortPick: has no rule that always/,
    ]) {
      expect(wrong).toContainEqual(expect.stringMatching(part));
    }
  });

  test('given several mistakes in one condition, then each is named, also where the rule is not whole', () => {
    const when = 'customerTier > 3 || !(channel == 4 && hoursToPromise == 18) || nada > 1.0 || missProbability > 7.0';
    const mistakes = [
      'when: Unknown variable: nada',
      'when: `customerTier > 3`: no such overload: string > int',
      'when: `channel == 4`: no such overload: string == int',
      'when: `hoursToPromise == 18`: no such overload: double == int; beside a double write 18.0, not 18',
      'when: missProbability is a share, from 0 to 1, so `missProbability > 7.0` never holds',
    ].map((mistake) => `rules.0 (late): ${mistake}`);

    expect(wrongRules(late(when))).toEqual(mistakes);
    expect(wrongRules({ ...late(when), alow: [] })).toEqual([expect.stringContaining('alow'), ...mistakes]);
  });

  test.each([
    ['hoursToPromise == 24', 'double == int; beside a double write 24.0, not 24'],
    ['actionsOnParcel == 2.0', 'int == double; beside an int write 2, not 2.0'],
    ['2.0 == actionsOnParcel', 'double == int; beside an int write 2, not 2.0'],
    ['actionsOnParcel in [1.0, 2.0]', 'int in list<double>; beside an int write 1, not 1.0'],
    ['value * 2 > 10.0', 'double * int; beside a double write 2.0, not 2'],
    ['actionsOnOrder * 1.5 > 3.0', 'int * double; beside a double write double(actionsOnOrder)'],
    ['value / actionsOnOrder > 3.0', 'double / int; beside a double write double(actionsOnOrder)'],
  ])('given an int beside a double, %s, then how to write it', (when, said) => {
    expect(wrongRules(late(when))).toEqual([`rules.0 (late): when: no such overload: ${said}`]);
    const [, written] = /write (\S+?)(?:,|$)/.exec(said) ?? [];
    const [, not = written?.slice('double('.length, -1)] = /not (\S+)$/.exec(said) ?? [];
    if (!when.includes(' in ')) expect(wrongRules(late(when.replace(not ?? '', written ?? '')))).toEqual([]);
  });

  test.each([
    'missProbability >= 1.0 || missProbability <= 0.0',
    'missProbability >= 0.0 && hoursOpen > 1.0',
    'hoursToPromise == 1000000.0',
    'hoursToPromise < -5.0',
    'available.exists(value, value == "wait")',
    '"wait" in failed && value < orderValue',
  ])('given %s, which may hold or not, then nothing is said', (when) => {
    expect(wrongRules(late(when))).toEqual([]);
  });

  test.each([
    ['hysteresis', { switchShare: 1.5 }, 'hysteresis.switchShare: is a share, from 0 to 1'],
    ['costs', { toldShare: -0.1 }, 'costs.toldShare: is a share, from 0 to 1'],
    ['costs', { actions: { reship: { works: 80 } } }, 'costs.actions.reship.works: is a share, from 0 to 1'],
  ])('given a share of %s beyond its range, then the range is named', (field, value, wrong) => {
    expect(wrongOf({ version: '1', rules: LAST, [field]: value })).toEqual([wrong]);
  });

  test('given text that is neither JSON nor YAML, or a key twice, then it says so', () => {
    expect(() => parsePolicy('{ "version": ')).toThrow(PolicyInvalid);
    expect(() => parsePolicy('version: a\nversion: b\nrules: []')).toThrow(/unique/);
    expect(() => parsePolicy("version: a\nrules: [{ id: 'x")).toThrow(PolicyInvalid);
  });
});

describe('what is claimed about conditions', () => {
  const atom = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('hoursOpen', 'value'),
        fc.constantFrom('<', '<=', '>', '>=', '==', '!='),
        fc.integer({ min: 1, max: 3 }),
      )
      .map(([fact, op, bound]) => `${fact} ${op} ${bound}.0`),
    fc.constantFrom(
      'stage == "picked"',
      'stage != "picked"',
      'stage in ["picked", "released"]',
      '"wait" in failed',
      'true',
      '1 > 2',
    ),
  );
  const { condition } = fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3 },
      atom,
      fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a}) && (${b})`),
      fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a}) || (${b})`),
      tie('condition').map((one) => `!(${one})`),
    ),
  }));
  const worlds = [0, 1, 2, 3].flatMap((hoursOpen) =>
    [0, 1, 2, 3].flatMap((value) =>
      ['captured', 'picked', 'released'].flatMap((stage) =>
        [[], ['wait']].map((failed) => ({
          hoursOpen: hoursOpen - 0.5,
          value,
          stage,
          failed,
          actionsOnParcel: 0,
          actionsOnOrder: 0,
        })),
      ),
    ),
  );
  const whole = (source: string) => {
    const compiled = compile('lateRisk', source);
    if (compiled.condition === undefined) throw new Error(compiled.wrong.join());
    return {
      holds: (world: (typeof worlds)[number]) => compiled.condition.holds({ ...world }),
      reading: read(compiled.condition.ast),
    };
  };

  test('given any two, then what is called unreachable is so in every world', () => {
    let claims = 0;
    fc.assert(
      fc.property(condition, condition, (one, other) => {
        const [earlier, later] = [whole(one), whole(other)];
        const always = worlds.every(earlier.holds);
        if (isAlways(earlier.reading)) expect(always).toBe(true);
        if (isNever(earlier.reading)) expect(worlds.some(earlier.holds)).toBe(false);
        if (shadowedBy(later.reading, [earlier.reading]) === undefined) return;
        claims++;
        expect(worlds.filter(later.holds).every(earlier.holds)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    expect(claims).toBeGreaterThan(50);
  });
});
