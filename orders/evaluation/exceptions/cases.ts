// Exceptions that come up before a parcel is on its way, or from its customer: drawn at the rates of the documented mix, each with what is known
// of it, what could be done, how likely that is believed to work, and what really comes of it. Beliefs are near the truth, not the truth.

import { draw } from '../../carriers/simulated/random.ts';
import { ACTIONS_OF, type Action, type Kind } from '../../exceptions/kinds.ts';
import type { Options } from '../../exceptions/situation.ts';
import { DAY_MS, HOUR_MS, type Parcel } from './world.ts';

/** Of a thousand orders. Assumed: no public data has such rates for one shop. */
export const MIX = {
  shortPick: 20,
  rejection: 15,
  damaged: 9,
  addressProblem: 12,
  paymentFailure: 25,
  cancelRequest: 30,
  backorder: 5,
} as const satisfies Partial<Record<Kind, number>>;
export type CaseKind = keyof typeof MIX;
export const CASE_KINDS = Object.keys(MIX) as CaseKind[];

/** How far a belief of a probability is off, at most, either way. */
export const BELIEF_OFF = 0.1;

export type Facts = Readonly<Record<string, string | boolean | number>>;

/** Draws for one exception: the same for whatever is done about it. */
export type Luck = (what: string) => number;

export interface Case {
  readonly kind: CaseKind;
  readonly parcel: Parcel;
  readonly openedAt: number;
  readonly facts: Facts;
  readonly options: Options;
  readonly luck: Luck;
  /** Probability that it settles itself at each review while it waits. */
  readonly settlesWaiting: number;
  /** Probability that what was done is undone later: it was the wrong thing. */
  readonly reversed: Partial<Record<Action, number>>;
}

export function casesOf(seed: number, parcels: readonly Parcel[]): Case[] {
  return parcels
    .filter(({ isJudged }) => isJudged)
    .flatMap((parcel) =>
      CASE_KINDS.flatMap((kind) => {
        const luck: Luck = (what) => draw(seed, parcel.orderId, kind, what);
        return luck('happens') * 1_000 < MIX[kind] ? [caseOf(kind, parcel, luck)] : [];
      }),
    );
}

function caseOf(kind: CaseKind, parcel: Parcel, luck: Luck): Case {
  const openedAt =
    kind === 'cancelRequest' || kind === 'damaged'
      ? parcel.readyAt + luck('when') * DAY_MS
      : parcel.capturedAt + HOUR_MS;
  const { facts, options, settlesWaiting = 0, reversed = {} } = DRAWN[kind](parcel, luck);
  const common = {
    missProbability: kind === 'cancelRequest' ? 0 : 1,
    orderValue: parcel.value,
    value: parcel.value,
    promiseValue: parcel.promiseValue,
    customerTier: parcel.customerTier,
    channel: 'web',
    country: 'US',
    stage: 'released',
  };
  const offered = Object.fromEntries(
    Object.entries(options).filter(
      ([action, option]) => option !== undefined && ACTIONS_OF[kind].includes(action as Action),
    ),
  );
  return { kind, parcel, openedAt, facts: { ...common, ...facts }, options: offered, luck, settlesWaiting, reversed };
}

interface Drawn {
  readonly facts: Facts;
  readonly options: { readonly [action in Action]?: Options[Action] | undefined };
  readonly settlesWaiting?: number;
  readonly reversed?: Partial<Record<Action, number>>;
}

/** By what the provider said: that another attempt works. */
const RETRY_SUCCESS = {
  insufficientFunds: 0.45,
  expired: 0.4,
  declined: 0.2,
  fraudSuspected: 0,
  technical: 0.9,
} as const;
/** By how far the parcel has come: that it can still be stopped. */
const CANCEL_SUCCESS = { captured: 0.995, released: 0.93, picked: 0.75, handedOver: 0 } as const;

const between = (luck: number, low: number, high: number): number => low + luck * (high - low);
const pick = <T>(luck: number, weighted: readonly (readonly [T, number])[]): T => {
  let below = 0;
  for (const [one, weight] of weighted) {
    below += weight;
    if (luck < below) return one;
  }
  return (weighted.at(-1) as readonly [T, number])[0];
};
const later = (parcel: Parcel, days: number): number => Math.round(parcel.promisedAt + days * DAY_MS);

/** From another node: with what it costs more, and what it loses of the time. */
const elsewhere = (luck: Luck) => ({
  cost: between(luck('freight'), 200, 800),
  works: 0.94,
  missIfWorks: between(luck('slower'), 0, 0.25),
  missIfFails: 1,
});
const instead = (luck: Luck, share: number) =>
  luck('substitute') < share
    ? { cost: 200, works: 0.9, missIfWorks: 0.05, missIfFails: 1, loss: between(luck('margin'), 0, 300) }
    : undefined;

const DRAWN: Readonly<Record<CaseKind, (parcel: Parcel, luck: Luck) => Drawn>> = {
  shortPick: (parcel, luck) => ({
    facts: { node: parcel.from.node, sku: 'S', qtyShort: 1, qtyOrdered: luck('qty') < 0.3 ? 2 : 1 },
    options: {
      resource: luck('stock') < 0.85 ? elsewhere(luck) : undefined,
      substitute: instead(luck, 0.3),
      split: luck('qty') < 0.3 ? { cost: 450, works: 0.97, missIfWorks: 0.3, missIfFails: 1 } : undefined,
      repromise:
        luck('supply') < 0.5
          ? { cost: 5, promisedAt: later(parcel, 7), works: 0.97, missIfWorks: 0.08, missIfFails: 1 }
          : undefined,
    },
    reversed: { substitute: 0.06, repromise: 0.04, cancel: 0.02 },
  }),
  rejection: (parcel, luck) => {
    const reason = pick(luck('reason'), [
      ['noStock', 0.45],
      ['noCapacity', 0.35],
      ['closed', 0.1],
      ['restricted', 0.04],
      ['other', 0.06],
    ]);
    return {
      facts: {
        node: parcel.from.node,
        reason,
        rejections: pick(luck('times'), [
          [1, 0.85],
          [2, 0.12],
          [3, 0.03],
        ]),
      },
      options: {
        resource: luck('stock') < 0.92 ? elsewhere(luck) : undefined,
        substitute: instead(luck, 0.25),
        repromise:
          luck('supply') < 0.5
            ? { cost: 5, promisedAt: later(parcel, 5), works: 0.97, missIfWorks: 0.08, missIfFails: 1 }
            : undefined,
        wait: reason === 'noCapacity' ? { works: 0.75, missIfWorks: 0.15, missIfFails: 1 } : undefined,
      },
      settlesWaiting: reason === 'noCapacity' ? 0.4 : 0,
      reversed: { substitute: 0.06, repromise: 0.04, cancel: 0.02 },
    };
  },
  damaged: (parcel, luck) => {
    const where = pick(luck('where'), [
      ['node', 0.35],
      ['transit', 0.25],
      ['customer', 0.4],
    ]);
    return {
      facts: { where, qtyDamaged: 1, photos: luck('photos') < 0.7, stage: where === 'node' ? 'picked' : 'handedOver' },
      options: {
        resource: where === 'node' && luck('stock') < 0.85 ? elsewhere(luck) : undefined,
        reship:
          luck('stock') < 0.85
            ? {
                cost: 900 + 0.7 * parcel.value,
                works: 0.97,
                missIfWorks: where === 'customer' ? 0 : 0.5,
                missIfFails: 1,
              }
            : undefined,
        substitute: instead(luck, 0.2),
        repromise:
          where === 'node'
            ? { cost: 5, promisedAt: later(parcel, 6), works: 0.97, missIfWorks: 0.08, missIfFails: 1 }
            : undefined,
      },
      reversed: { substitute: 0.06, repromise: 0.04, refund: 0.02, cancel: 0.02 },
    };
  },
  addressProblem: (_, luck) => {
    const confidence = luck('known') < 0.5 ? between(luck('sure'), 0.9, 0.99) : between(luck('unsure'), 0.2, 0.85);
    const isShipped = luck('stage') < 0.4;
    return {
      facts: {
        problem: pick(luck('problem'), [
          ['incomplete', 0.6],
          ['undeliverable', 0.25],
          ['refused', 0.1],
          ['restricted', 0.05],
        ]),
        correctionConfidence: confidence,
        customerAnswered: false,
        stage: isShipped ? 'handedOver' : 'released',
      },
      options: {
        reroute: {
          cost: isShipped ? 1_200 : 20,
          works: isShipped ? 0.8 : 0.98,
          missIfWorks: isShipped ? 0.25 : 0.03,
          missIfFails: 1,
        },
        intercept: isShipped ? { cost: 1_500, works: 0.75, missIfWorks: 1, missIfFails: 1 } : undefined,
        wait: { works: 0.85, missIfWorks: isShipped ? 0.3 : 0.1, missIfFails: 1 },
      },
      settlesWaiting: 0.55,
      // A wrong correction comes back.
      reversed: { reroute: 1 - confidence },
    };
  },
  paymentFailure: (_, luck) => {
    const reason = pick<keyof typeof RETRY_SUCCESS>(luck('reason'), [
      ['insufficientFunds', 0.37],
      ['expired', 0.26],
      ['declined', 0.24],
      ['fraudSuspected', 0.03],
      ['technical', 0.1],
    ]);
    const success = RETRY_SUCCESS[reason];
    return {
      facts: { reason, attempts: 1, retrySuccess: success, stage: 'captured', missProbability: 0.1 },
      options: { wait: { works: success, missIfWorks: 0.05, missIfFails: 0.5 } },
      settlesWaiting: success,
      reversed: { cancel: 0.03 },
    };
  },
  cancelRequest: (_, luck) => {
    const stage = pick<keyof typeof CANCEL_SUCCESS>(luck('stage'), [
      ['captured', 0.5],
      ['released', 0.2],
      ['picked', 0.15],
      ['handedOver', 0.15],
    ]);
    const success = CANCEL_SUCCESS[stage];
    return {
      facts: {
        reason: pick(luck('reason'), [
          ['changedMind', 0.5],
          ['tooLate', 0.15],
          ['mistake', 0.3],
          ['other', 0.05],
        ]),
        cancelSuccess: success,
        stage,
      },
      options: {
        intercept: stage === 'handedOver' ? { cost: 1_500, works: 0.7 } : undefined,
        refund: { cost: 900, works: 0.98, loss: 0 },
      },
      reversed: { cancel: 0.01, intercept: 0.02, refund: 0.02 },
    };
  },
  backorder: (parcel, luck) => {
    const hours = pick(luck('supply'), [
      [between(luck('hours'), 24, 168), 0.65],
      [between(luck('hours'), 168, 600), 0.2],
      [1_000_000, 0.15],
    ]);
    const isComing = hours < 1_000_000;
    return {
      facts: { qtyShort: 1, qtyOrdered: luck('qty') < 0.3 ? 2 : 1, hoursToSupply: hours, stage: 'captured' },
      options: {
        repromise: isComing
          ? { cost: 5, promisedAt: later(parcel, hours / 24 + 3), works: 0.95, missIfWorks: 0.08, missIfFails: 1 }
          : undefined,
        substitute: instead(luck, 0.3),
        split: luck('qty') < 0.3 ? { cost: 450, works: 0.97, missIfWorks: 0.4, missIfFails: 1 } : undefined,
      },
      settlesWaiting: 0.1,
      reversed: { substitute: 0.06, repromise: 0.06, cancel: 0.03 },
    };
  },
};
