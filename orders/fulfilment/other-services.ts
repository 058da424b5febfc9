// What a package that is not on its way yet could travel by instead: another carrier's service, or a faster one. Two choices where there are
// two, since a rule may allow the one and not the other.
import type { Options } from '../exceptions/situation.ts';
import { gramsOf } from '../order/package-grams.ts';
import type { OrderPackage } from '../order/types.ts';
import type { OrderDetail } from '../order/view.ts';
import { type Parcel, priceOf } from '../sourcing/candidates.ts';
import { kmBetween } from '../sourcing/geo.ts';
import type { CarrierService, SourcingRules } from '../sourcing/rules.ts';
import type { OrderRecord } from './ports.ts';

/** That a carrier takes a booking, which is known within seconds. */
const BOOKABLE = 0.95;

export interface Asked {
  readonly rules: Pick<SourcingRules, 'services' | 'nodes'>;
  /** Its carrier cannot be booked: a faster service of the same is no way out. */
  readonly isOut: boolean;
  /** That the promise is missed by a service from now on, 0 to 1. */
  readonly missBy: (service: CarrierService) => number;
  /** What missing it costs, minor units. */
  readonly breachCost: number;
}

/**
 * `reroute`: of other carriers that service for which price and risk together are least. `upgrade`: of those that are faster, nine times in
 * ten, the same. One service may be both.
 */
export function otherServices(
  about: OrderPackage,
  order: Pick<OrderRecord, 'detail'>,
  asked: Asked,
): Pick<Options, 'reroute' | 'upgrade'> {
  const possible = possibleServices(about, order, asked);
  const reroute = possible.find(({ one }) => one.carrier !== about.carrier);
  const upgrade = possible.find(({ isFaster }) => isFaster);
  const optionOf = (other: typeof reroute) =>
    other === undefined
      ? undefined
      : {
          cost: other.cost,
          works: BOOKABLE,
          missIfWorks: other.missIfWorks,
          detail: { carrier: other.one.carrier, service: other.one.service },
        };
  const [byOther, faster] = [optionOf(reroute), optionOf(upgrade)];
  return {
    ...(byOther === undefined ? {} : { reroute: byOther }),
    ...(faster === undefined ? {} : { upgrade: faster }),
  };
}

/**
 * Whether its service carries it to where its order goes by now, as heavy as it is. Of a service, or node, that the rules do not have nobody
 * knows.
 */
export function isCarried(
  about: OrderPackage,
  { detail }: Pick<OrderRecord, 'detail'>,
  { services, nodes }: Pick<SourcingRules, 'services' | 'nodes'>,
): boolean {
  const service = services.find((one) => one.service === about.service);
  const parcel = parcelOf(about, detail, nodes);
  return service === undefined || parcel === undefined || priceOf(service, parcel) !== undefined;
}

function parcelOf(about: OrderPackage, detail: OrderDetail, nodes: SourcingRules['nodes']): Parcel | undefined {
  const from = nodes.find(({ node }) => node === about.node);
  const { destination } = detail;
  if (from === undefined || destination === undefined) return undefined;
  const { postalCode } = destination;
  return { node: about.node, postalCode, km: kmBetween(from, destination), grams: gramsOf(about, detail) };
}

interface Possible {
  readonly one: CarrierService;
  /** More than now, minor units. */
  readonly cost: number;
  readonly missIfWorks: number;
  readonly isFaster: boolean;
}

/** Those that carry such a parcel there, priced as sourcing does; price and risk together least first. None of a carrier that has taken back a booking of this very package. */
export function possibleServices(
  about: OrderPackage,
  { detail }: Pick<OrderRecord, 'detail'>,
  { rules: { services, nodes }, isOut, missBy, breachCost }: Asked,
): readonly Possible[] {
  const parcel = parcelOf(about, detail, nodes);
  if (parcel === undefined) return [];
  const { km } = parcel;
  const p90 = ({ transit }: CarrierService): number =>
    (transit.find(({ untilKm }) => km <= untilKm) ?? transit.at(-1))?.days.p90 ?? Number.POSITIVE_INFINITY;
  const current = services.find(({ service }) => service === about.service);
  const paid = (current && priceOf(current, parcel)) ?? 0;
  return services
    .filter((one) => one.service !== about.service && !(isOut && one.carrier === about.carrier))
    .filter(({ carrier }) => about.cancelledBy?.some((other) => other.carrier === carrier) !== true)
    .flatMap((one) => {
      const price = priceOf(one, parcel);
      if (price === undefined) return [];
      const cost = Math.max(0, Math.round(price - paid));
      return [{ one, cost, missIfWorks: missBy(one), isFaster: current === undefined || p90(one) < p90(current) }];
    })
    .sort((a, b) => a.cost - b.cost + (a.missIfWorks - b.missIfWorks) * breachCost);
}
