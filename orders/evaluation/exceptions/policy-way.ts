// Re-planning by a policy: what is known of a parcel made into situations, decided by `decideException`, with the estimates of the transit
// model and of the carriers' terms. What it decides is kept as history.

import { decideException, isLateRisk } from '../../exceptions/decide.ts';
import type { Kind } from '../../exceptions/kinds.ts';
import { lostProbability } from '../../exceptions/lost.ts';
import type { Policy } from '../../exceptions/policy.ts';
import { readSituation, type Situation } from '../../exceptions/situation.ts';
import { type ExceptionEvent, type ExceptionsState, evolveExceptions, NO_EXCEPTIONS } from '../../exceptions/state.ts';
import { kmBetween } from '../../sourcing/geo.ts';
import { Calibrated } from './calibrated.ts';
import { COSTS, type Deed, type Ending, legOf, nearestNode, RESHIP_MS, type Seen, type Way } from './re-planning.ts';
import type { RiskModel } from './risk.ts';
import { DAY_MS, freightOf, HOUR_MS, type Parcel, SERVICES, type Service, serviceOf, type World } from './world.ts';

/** A parcel is collected so long after it is booked, on the average. */
const COLLECTING_MS = 2 * HOUR_MS;
const COLLECTED_WITHIN_MS = 4 * HOUR_MS;
const OUTAGE_MS = 8 * HOUR_MS;
/** After so long without a scan a parcel is stuck. */
const STUCK_MS = 72 * HOUR_MS;
/** A promise that is taken back a second time costs more than a day: not too near, and further where nothing moves. */
const NEW_PROMISE_DAYS_MIN = 2;
const STUCK_DAYS_MIN = 5;
const NEW_PROMISE_DAYS_MAX = 12;
/** That one which the carrier has given up does not arrive. */
const GIVEN_UP = 0.99;

interface Open {
  readonly exceptionId: string;
  readonly kind: Kind;
  readonly openedAt: number;
}

export class PolicyWay implements Way {
  readonly name = 'policy';
  readonly history: ExceptionEvent[] = [];
  readonly #policy: Policy;
  readonly #states = new Map<string, ExceptionsState>();
  readonly #open = new Map<string, Open>();
  readonly #counts = new Map<string, number>();
  readonly #ids = new Map<string, Set<string>>();
  readonly #calibrated = new Calibrated();
  /** By carrier, when it could not be booked last. */
  readonly #outages = new Map<string, number>();

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  review(seen: Seen, world: World, given: RiskModel): Deed | undefined {
    const model = certain(given);
    const { parcel, now } = seen;
    if (seen.isOutForDelivery) return undefined;
    this.#calibrated.overdue(parcel.orderId, now);
    if (!seen.isBookable) this.#outages.set(seen.service.carrier, now);
    const start = this.#startOf(seen);
    const miss = (said: number, stage: string): number =>
      this.#calibrated.of(
        said,
        stage,
        (seen.promisedAt - now) / HOUR_MS,
        stage === 'handedOver' ? undefined : 'handedOver',
      );
    const said = riskOf(seen, start, seen.promisedAt, model);
    const stage = stageOf(seen);
    const risk = miss(said, stage);
    this.#calibrated.note(parcel.orderId, said, stage, (seen.promisedAt - now) / HOUR_MS, seen.promisedAt);
    const kind = this.#kindOf(seen, risk);
    if (kind === undefined) {
      this.#open.delete(parcel.orderId);
      return undefined;
    }
    const open = this.#opened(parcel, kind, now);
    const situation = situationOf(open, seen, { start, risk, miss }, world, model);
    const state = this.#states.get(parcel.orderId) ?? NO_EXCEPTIONS;
    const decision = decideException(state, situation, this.#policy, now);
    if (decision.repeats) return undefined;
    const event: ExceptionEvent = { type: 'exceptionDecided', at: now, situation, decision };
    this.history.push(event);
    this.#states.set(parcel.orderId, evolveExceptions(state, event));
    const deed = deedOf(decision.action, situation);
    if (deed !== undefined && deed.action !== 'repromise') this.#calibrated.forget(parcel.orderId);
    return deed;
  }

  ended(parcel: Parcel, ending: Ending, at: number): void {
    this.#calibrated.judge(parcel.orderId, ending.deliveredAt);
    for (const exceptionId of this.#ids.get(parcel.orderId) ?? []) {
      this.history.push({
        type: 'exceptionSettled',
        at,
        orderId: parcel.orderId,
        exceptionId,
        outcome: {
          breached: ending.lastMissed,
          firstPromiseMissed: ending.firstMissed,
          reversed: ending.isReversed,
          byPerson: false,
          cost: ending.actionCost + ending.breachCost,
        },
      });
    }
    this.#states.delete(parcel.orderId);
    this.#open.delete(parcel.orderId);
  }

  /**
   * When it was handed over, or would be if nothing is done. Of an outage it is not known when it ends: it is assumed to take eight hours more.
   * What is overdue is assumed to be so for as long again.
   */
  #startOf({ readyAt, now, isBookable, handedOverAt, service }: Seen): number {
    if (handedOverAt !== undefined) return handedOverAt;
    const possibleAt = Math.max(readyAt, this.#outages.get(service.carrier) ?? 0);
    const overdue = now - possibleAt - COLLECTED_WITHIN_MS;
    return Math.max(now, readyAt) + (isBookable ? Math.max(COLLECTING_MS, overdue) : OUTAGE_MS);
  }

  #kindOf(seen: Seen, risk: number): Kind | undefined {
    const { parcel, now, handedOverAt, isBookable, promisedAt } = seen;
    const open = this.#open.get(parcel.orderId)?.kind;
    if (now >= promisedAt && handedOverAt === undefined) return undefined;
    if (handedOverAt === undefined && !isBookable) return 'carrierOutage';
    if (isStuck(seen)) return 'stuckParcel';
    return now < promisedAt && isLateRisk(this.#policy, risk, open === 'lateRisk') ? 'lateRisk' : undefined;
  }

  #opened({ orderId }: Parcel, kind: Kind, now: number): Open {
    const before = this.#open.get(orderId);
    if (before?.kind === kind) return before;
    const n = (this.#counts.get(orderId) ?? 0) + 1;
    this.#counts.set(orderId, n);
    const made = { exceptionId: `e${n}`, kind, openedAt: now };
    this.#open.set(orderId, made);
    const ids = this.#ids.get(orderId) ?? new Set();
    this.#ids.set(orderId, ids.add(made.exceptionId));
    return made;
  }
}

/**
 * What the model says of the whole way, and of what is left of it since the last scan: the mean of both, because the first does not know how far the
 * parcel has come, and the second counts its collection a second time.
 */
function riskOf(seen: Seen, start: number, promisedAt: number, model: RiskModel): number {
  const { parcel, service, from, handedOverAt, lastScanAt, place, now } = seen;
  const whole = model.missProbability(legOf(parcel, service, start, from), promisedAt, now);
  if (handedOverAt === undefined || lastScanAt === undefined) return whole;
  const rest = { ...legOf(parcel, service, lastScanAt, place), node: from.node };
  return (whole + model.missProbability(rest, promisedAt, now)) / 2;
}

/** Of parcels older than any that it has seen a model may know nothing: they are late. */
function certain(model: RiskModel): RiskModel {
  return {
    observe: (observations, now) => model.observe(observations, now),
    missProbability: (leg, deadline, now) => {
      const probability = model.missProbability(leg, deadline, now);
      return Number.isNaN(probability) ? 1 : probability;
    },
  };
}

interface Risk {
  /** When it was handed over, or would be. */
  readonly start: number;
  readonly risk: number;
  /** What is to be thought of what the model says. */
  readonly miss: (said: number, stage: string) => number;
}

function isStuck({ now, handedOverAt, lastScanAt, isGivenUp }: Seen): boolean {
  return isGivenUp || (handedOverAt !== undefined && now - (lastScanAt ?? handedOverAt) >= STUCK_MS);
}

function stageOf({ handedOverAt }: Seen): string {
  return handedOverAt === undefined ? 'picked' : 'handedOver';
}

function situationOf(open: Open, seen: Seen, about: Risk, world: World, model: RiskModel): Situation {
  const { parcel, now, handedOverAt, lastScanAt, promisedAt, service } = seen;
  const unseenHours = handedOverAt === undefined ? 0 : (now - (lastScanAt ?? handedOverAt)) / HOUR_MS;
  const lost = seen.isGivenUp ? GIVEN_UP : lostProbability(unseenHours);
  return readSituation({
    orderId: parcel.orderId,
    exceptionId: open.exceptionId,
    kind: open.kind,
    parcelId: parcel.orderId,
    openedAt: open.openedAt,
    promisedAt,
    facts: {
      missProbability: open.kind === 'stuckParcel' ? lost + (1 - lost) * about.risk : about.risk,
      orderValue: parcel.value,
      value: parcel.value,
      promiseValue: parcel.promiseValue,
      customerTier: parcel.customerTier,
      channel: 'web',
      country: 'US',
      stage: stageOf(seen),
      ...factsOf(open.kind, service, unseenHours, lost),
    },
    options: optionsOf(seen, about, world, model),
    failed: seen.failed,
  });
}

function factsOf(kind: Kind, { carrier, simulated }: Service, hoursSinceScan: number, lost: number): object {
  switch (kind) {
    case 'stuckParcel':
      return { carrier, hoursSinceScan, lostProbability: lost };
    case 'carrierOutage':
      return { carrier, expectedHours: 8 };
    default:
      return { carrier, service: simulated.service, hoursLate: 0 };
  }
}

function optionsOf(seen: Seen, { start, risk, miss }: Risk, world: World, model: RiskModel): object {
  const { handedOverAt, parcel, now, service } = seen;
  const options: Record<string, object> = {};
  const repromise = newPromise(seen, start, model);
  if (repromise !== undefined) options['repromise'] = repromise;
  if (seen.isReplaced) return options;
  if (handedOverAt === undefined) {
    const others = SERVICES.filter((one) => one !== service && world.bookableAt(one.carrier, now) === now);
    const priced = others.map((other) => {
      const leg = legOf(parcel, other, Math.max(now, parcel.readyAt) + COLLECTING_MS, parcel.from);
      const cost = COSTS.rebook + Math.max(0, freightOf(other, parcel.km) - freightOf(service, parcel.km));
      return { other, cost, missIfWorks: miss(model.missProbability(leg, seen.promisedAt, now), 'picked') };
    });
    const best = (speed: Service['speed']) =>
      priced
        .filter(({ other }) => other.speed === speed)
        .sort((a, b) => a.cost - b.cost + (a.missIfWorks - b.missIfWorks) * breachOf(parcel))[0];
    for (const [action, speed] of [
      ['upgrade', 'express'],
      ['reroute', 'ground'],
    ] as const) {
      const one = best(speed);
      if (one !== undefined && (speed === 'express' || service.speed === 'ground')) {
        const { cost, missIfWorks, other } = one;
        options[action] = {
          cost,
          works: 0.97,
          missIfWorks,
          missIfFails: risk,
          detail: { service: other.simulated.service },
        };
      }
    }
    return options;
  }
  const express = serviceOf(service.carrier, 'express');
  if (service !== express) {
    const leg = { ...legOf(parcel, express, now + 6 * HOUR_MS, seen.place) };
    options['upgrade'] = {
      cost: COSTS.redirectFee + freightOf(express, leg.km),
      works: service.profile.intercept.inTransit,
      missIfWorks: miss(model.missProbability(leg, seen.promisedAt, now), 'picked'),
      missIfFails: risk,
      detail: { service: express.simulated.service },
    };
  }
  const from = nearestNode(parcel);
  const other = SERVICES.find((one) => one.carrier !== service.carrier && one.speed === 'express') as Service;
  const goods = COSTS.goodsShare * parcel.value;
  const back = service.profile.intercept.inTransit * COSTS.recoveredShare;
  options['reship'] = {
    cost: COSTS.reshipHandling + COSTS.redirectFee + freightOf(other, kmBetween(from, parcel.to)) + goods * (1 - back),
    missIfWorks: model.missProbability(legOf(parcel, other, now + RESHIP_MS, from), seen.promisedAt, now),
    detail: { service: other.simulated.service },
  };
  return options;
}

function breachOf({ value, promiseValue }: Parcel): number {
  return COSTS.breachFixed + COSTS.breachShare * value + promiseValue;
}

/** The day that is expected to cost least: a late one costs patience, an early one may be missed as well. None where it is too late to tell. */
function newPromise(seen: Seen, start: number, model: RiskModel): object | undefined {
  const { parcel, now, promisedAt } = seen;
  if (now > promisedAt - COSTS.toldHours * HOUR_MS) return undefined;
  let best: { cost: number; promisedAt: number; missIfWorks: number } | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let days = isStuck(seen) ? STUCK_DAYS_MIN : NEW_PROMISE_DAYS_MIN; days <= NEW_PROMISE_DAYS_MAX; days++) {
    const missIfWorks = riskOf(seen, start, promisedAt + days * DAY_MS, model);
    const cost = COSTS.notice + days * COSTS.waitingDay;
    const total = cost + missIfWorks * (1 - COSTS.toldShare) * breachOf(parcel);
    if (total >= least) continue;
    least = total;
    best = { cost, promisedAt: promisedAt + days * DAY_MS, missIfWorks };
  }
  return best;
}

function deedOf(action: string, { options }: Situation): Deed | undefined {
  switch (action) {
    case 'upgrade':
    case 'reroute':
    case 'reship': {
      const name = options[action]?.detail?.['service'];
      return { action, service: SERVICES.find(({ simulated }) => simulated.service === name) as Service };
    }
    case 'repromise':
      return { action, promisedAt: options.repromise?.promisedAt as number };
    case 'refund':
    case 'escalate':
      return { action };
    default:
      return undefined;
  }
}
