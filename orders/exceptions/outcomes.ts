// What became of the exceptions of an order, as its journey tells one event after the other: whether their units came by the promise, whether what
// was decided was undone, and what it cost. SPEC.md says what counts as what. Knows the order's events by their shape alone.
import { z } from 'zod';
import { sharesOf } from '../order/bundle.ts';
import { ACTIONS, type Action, TRAITS } from './kinds.ts';
import type { Outcome } from './state.ts';

/** An event of an order's journey, as getOrder gives it. */
export interface JourneyEvent {
  readonly type: string;
  /** ms since the epoch. */
  readonly at: number;
}

const id = z.string();
const units = z.array(z.looseObject({ lineId: id, qty: z.number() }));
const moved = z.looseObject({ packageId: id.optional(), exceptionId: id.optional(), lines: units });
const components = z.array(z.looseObject({ sku: z.string(), qty: z.number() }));
const EVENTS = {
  captured: z.looseObject({
    exact: z.literal(true).optional(),
    order: z.looseObject({
      promisedAt: z.number().optional(),
      lines: z.array(
        z.looseObject({ lineId: id, qty: z.number(), value: z.number().optional(), components: components.optional() }),
      ),
    }),
  }),
  expanded: z.looseObject({
    exact: z.literal(true).optional(),
    lines: z.array(z.looseObject({ lineId: id, qty: z.number(), components })),
  }),
  allocated: z.looseObject({ packages: z.array(z.looseObject({ packageId: id, lines: units })) }),
  shortPicked: z.looseObject({ packageId: id, missing: units }),
  resourced: moved,
  linesCancelled: moved,
  booked: z.looseObject({ packageId: id, costMinor: z.number().optional() }),
  unbooked: z.looseObject({ packageId: id, cancelledBy: id.optional() }),
  scanned: z.looseObject({ packageId: id, code: z.string() }),
  delivered: z.looseObject({ packageId: id, deliveredAt: z.number() }),
  repromised: z.looseObject({ promisedAt: z.number().optional() }),
  exceptionOpened: z.looseObject({
    exceptionId: id,
    kind: z.string().optional(),
    packageId: id.optional(),
    units: units.optional(),
  }),
  exceptionDecided: z.looseObject({
    exceptionId: id,
    action: z.enum(ACTIONS),
    outcome: z.string(),
    rule: z.string().optional(),
    cause: z.string().optional(),
    detail: z.unknown().optional(),
  }),
  requested: z.looseObject({
    opens: z
      .array(z.looseObject({ taskId: id, payload: z.looseObject({ exceptionId: id.optional() }).optional() }))
      .optional(),
  }),
  refunded: z.looseObject({ amountMinor: z.number(), closes: z.array(id).optional() }),
} as const;
type Told = { [T in keyof typeof EVENTS]: z.output<(typeof EVENTS)[T]> };
type Lines = Map<string, number>;
type Units = readonly { readonly lineId: string; readonly qty: number }[];

interface Traced {
  /** Its customer wants it no more. */
  readonly isWish: boolean;
  readonly packageId: string | undefined;
  /** What it is about; what is not delivered or cancelled of it is in `left`. */
  readonly lineIds: ReadonlySet<string>;
  readonly left: Lines;
  /** Packages that carry its units. */
  readonly carriedBy: Set<string>;
  /** What its package was meant to do had been done when it was opened. */
  readonly wasDelivered: boolean;
  readonly promisedAt: number | undefined;
  settledBy: Action | undefined;
  deliveredAt: number;
  isBreached: boolean;
  isReversed: boolean;
  isTouched: boolean;
  /** Its parcel was called back and is not sent again. */
  isCalledOff: boolean;
  cost: number;
}

/** The order is given up: whatever else was done for it is undone. */
const GIVING_UP: ReadonlySet<Action> = new Set(['cancel', 'refund', 'intercept']);
/** The parcel was taken for one that does not arrive. */
const WRITTEN_OFF: ReadonlySet<Action> = new Set(['reship', 'refund', 'intercept']);

export class Outcomes {
  readonly #traced = new Map<string, Traced>();
  readonly #packages = new Map<string, Lines>();
  readonly #delivered = new Set<string>();
  readonly #ordered: Lines = new Map();
  readonly #values = new Map<string, number>();
  readonly #costs = new Map<string, number>();
  /** By line: the exception that has its units sourced anew. By package: the one that made it, or had it booked anew. */
  readonly #awaited = new Map<string, string>();
  readonly #madeBy = new Map<string, string>();
  readonly #rebookedBy = new Map<string, string>();
  readonly #refunds = new Map<string, string>();
  #promisedAt: number | undefined;
  /** Of which the events that follow are the work. */
  #current = '';

  /** @param at when it happened, on the clock of promises; ms since the epoch */
  tell(event: JourneyEvent, at: number): void {
    if (!Object.hasOwn(this.#on, event.type)) return;
    const type = event.type as keyof Told;
    const read = EVENTS[type].safeParse(event);
    // What cannot be read says nothing about an exception.
    if (read.success) (this.#on[type] as (told: unknown, at: number) => void)(read.data, at);
  }

  /** Undefined of one that the journey does not know, or that nothing has been settled of. */
  outcomeOf(exceptionId: string): Outcome | undefined {
    const one = this.#traced.get(exceptionId);
    if (one === undefined) return undefined;
    const isGivenUp = one.settledBy === 'cancel' || one.settledBy === 'refund' || one.isCalledOff;
    const isOver = isGivenUp || [...one.left.values()].every((qty) => qty === 0);
    if (!isOver && one.settledBy === undefined) return undefined;
    const isLate = one.promisedAt !== undefined && one.deliveredAt > one.promisedAt;
    return {
      breached: one.isBreached,
      firstPromiseMissed: one.isBreached || isLate || (isGivenUp && !one.isWish),
      reversed: one.isReversed,
      byPerson: one.isTouched,
      cost: Math.max(0, one.cost),
      ...(isOver ? {} : { underWay: this.#promisedAt === undefined ? {} : { promisedAt: this.#promisedAt } }),
    };
  }

  readonly #on: { readonly [T in keyof Told]: (told: Told[T], at: number) => void } = {
    captured: ({ exact, order: { promisedAt, lines } }) => {
      this.#promisedAt = promisedAt;
      for (const { components, value = 0, ...line } of lines) {
        this.#values.set(line.lineId, value);
        if (components === undefined) this.#ordered.set(line.lineId, line.qty);
        else {
          const shares = sharesOf(components, value, exact === true);
          for (const [part, units] of partsOf(line, shares)) this.#ordered.set(part, units);
        }
      }
    },
    expanded: ({ lines, exact }) => {
      const all = [this.#ordered, ...[...this.#traced.values()].map(({ left }) => left)];
      for (const { lineId, components } of lines) {
        for (const units of all) {
          const qty = units.get(lineId);
          if (qty === undefined) continue;
          units.delete(lineId);
          const shares = sharesOf(components, this.#values.get(lineId) ?? 0, exact === true);
          for (const [part, of] of partsOf({ lineId, qty }, shares)) units.set(part, of);
        }
      }
    },
    allocated: ({ packages }) => {
      for (const { packageId, lines } of packages) {
        this.#packages.set(packageId, linesOf(lines));
        for (const { lineId } of lines) {
          const by = this.#awaited.get(lineId);
          if (by !== undefined) this.#madeBy.set(packageId, by);
          this.#awaited.delete(lineId);
          for (const one of this.#traced.values()) if ((one.left.get(lineId) ?? 0) > 0) one.carriedBy.add(packageId);
        }
      }
    },
    shortPicked: ({ packageId, missing }) => take(this.#packages.get(packageId), missing),
    resourced: ({ packageId, lines }) => {
      if (packageId !== undefined) take(this.#packages.get(packageId), lines);
      for (const { lineId } of lines) if (this.#current !== '') this.#awaited.set(lineId, this.#current);
    },
    linesCancelled: ({ packageId, exceptionId, lines }) => {
      if (packageId !== undefined) take(this.#packages.get(packageId), lines);
      const from = packageId ?? this.#traced.get(exceptionId ?? '')?.packageId;
      const by = this.#traced.get(this.#current);
      if (by?.settledBy === 'intercept' && by.packageId === packageId) by.isCalledOff = true;
      for (const one of this.#traced.values()) {
        if (from === undefined || one.packageId === undefined || one.carriedBy.has(from)) take(one.left, lines);
      }
    },
    booked: ({ packageId, costMinor = 0 }) => {
      const before = this.#costs.get(packageId);
      this.#costs.set(packageId, costMinor);
      if (before === undefined) this.#charge(this.#madeBy.get(packageId), costMinor);
      else this.#charge(this.#rebookedBy.get(packageId), costMinor - before);
    },
    // What its carrier took back no exception did.
    unbooked: ({ packageId, cancelledBy }) =>
      void this.#rebookedBy.set(packageId, cancelledBy === undefined ? this.#current : ''),
    scanned: ({ packageId, code }) => {
      if (code === 'delivered') this.#arrived(packageId);
    },
    delivered: ({ packageId, deliveredAt }) => {
      this.#arrived(packageId);
      this.#delivered.add(packageId);
      const units = [...(this.#packages.get(packageId) ?? [])].map(([lineId, qty]) => ({ lineId, qty }));
      for (const one of this.#traced.values()) {
        if (!one.carriedBy.has(packageId) || one.wasDelivered) continue;
        take(one.left, units);
        one.deliveredAt = Math.max(one.deliveredAt, deliveredAt);
        if (this.#promisedAt !== undefined && deliveredAt > this.#promisedAt) one.isBreached = true;
      }
    },
    repromised: ({ promisedAt }, at) => {
      // A promise that had been missed already is not kept by another one.
      if (this.#promisedAt !== undefined && at > this.#promisedAt) {
        for (const one of this.#traced.values())
          if ([...one.left.values()].some((qty) => qty > 0)) one.isBreached = true;
      }
      this.#promisedAt = promisedAt;
    },
    exceptionOpened: ({ exceptionId, kind, packageId, units }) => {
      const left = linesOf(units ?? this.#unitsOf(packageId));
      this.#traced.set(exceptionId, {
        isWish: kind === 'cancelRequest',
        packageId,
        lineIds: new Set(left.keys()),
        left,
        carriedBy: new Set(packageId === undefined ? this.#packages.keys() : [packageId]),
        wasDelivered: packageId !== undefined && this.#delivered.has(packageId),
        promisedAt: this.#promisedAt,
        settledBy: undefined,
        deliveredAt: 0,
        isBreached: false,
        isReversed: false,
        isTouched: false,
        isCalledOff: false,
        cost: 0,
      });
    },
    exceptionDecided: ({ exceptionId, action, outcome, rule, cause, detail }) => {
      const one = this.#traced.get(exceptionId);
      this.#current = exceptionId;
      if (one === undefined) return;
      // A client is a person, but for the word that it is paid, which is the payment system's, or where to, which is the customer's; and what is
      // escalated by other than a policy is left to one.
      const isByClient = cause?.startsWith('client') === true && rule !== 'paid' && rule !== 'changed';
      if (isByClient || (outcome === 'ESCALATED' && detail === undefined)) one.isTouched = true;
      if (outcome !== 'SETTLED') return;
      one.settledBy = action;
      if (GIVING_UP.has(action)) this.#givenUp(one);
    },
    requested: ({ opens = [] }) => {
      for (const { taskId, payload } of opens) {
        if (payload?.exceptionId !== undefined) this.#refunds.set(taskId, payload.exceptionId);
      }
    },
    refunded: ({ amountMinor, closes = [] }) => {
      for (const taskId of closes) this.#charge(this.#refunds.get(taskId), amountMinor);
    },
  };

  /** Of an exception that parks none: what its package has, or what is ordered. */
  #unitsOf(packageId: string | undefined): Units {
    const lines = packageId === undefined ? this.#ordered : (this.#packages.get(packageId) ?? new Map());
    return [...lines].map(([lineId, qty]) => ({ lineId, qty }));
  }

  #charge(exceptionId: string | undefined, amountMinor: number): void {
    const one = this.#traced.get(exceptionId ?? '');
    if (one !== undefined) one.cost += amountMinor;
  }

  /** A parcel that was given up has come all the same. */
  #arrived(packageId: string): void {
    for (const one of this.#traced.values()) {
      if (one.packageId !== packageId || one.wasDelivered || one.settledBy === undefined) continue;
      if (WRITTEN_OFF.has(one.settledBy)) one.isReversed = true;
    }
  }

  /** What was done before for the same units, and has not brought them, is undone. */
  #givenUp(by: Traced): void {
    for (const one of this.#traced.values()) {
      if (one === by || one.settledBy === undefined || GIVING_UP.has(one.settledBy)) continue;
      if (!TRAITS[one.settledBy].counted || !isOfOne(by, one)) continue;
      if ([...one.left].some(([lineId, qty]) => qty > 0 && by.lineIds.has(lineId))) one.isReversed = true;
    }
  }
}

/** What was given up of an order, or of a package that the other was about. */
function isOfOne(by: Traced, { carriedBy }: Traced): boolean {
  return by.packageId === undefined || [...by.carriedBy].some((packageId) => carriedBy.has(packageId));
}

/** Lines of the components of a bundle, as the order numbers them. */
function partsOf(
  { lineId, qty }: { readonly lineId: string; readonly qty: number },
  shares: readonly { readonly qty: number }[],
) {
  return shares.map((one, n) => [`${lineId}.${n + 1}`, qty * one.qty] as const);
}

function linesOf(units: Units): Lines {
  const lines: Lines = new Map();
  for (const { lineId, qty } of units) lines.set(lineId, (lines.get(lineId) ?? 0) + qty);
  return lines;
}

function take(from: Lines | undefined, units: Units): void {
  for (const { lineId, qty } of units) {
    const before = from?.get(lineId);
    if (before !== undefined) from?.set(lineId, Math.max(0, before - qty));
  }
}
