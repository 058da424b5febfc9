// The world outside that `holdfast orders` can have without anybody else: simulated carriers and ship nodes, and customers who are told
// on the standard output. Simulated from a seed, so that processes that die and come back meet the same.
import type { Carrier } from '../../../orders/carriers/port.ts';
import { createSimulatedCarrier } from '../../../orders/carriers/simulated/carrier.ts';
import { wallClock } from '../../../orders/carriers/simulated/clock.ts';
import type { CarrierProfile } from '../../../orders/carriers/simulated/profile.ts';
import type { BusinessClock, Notify, Refund, ShipNodes } from '../../../orders/fulfilment/ports.ts';
import { simulatedShipNodes } from '../../../orders/fulfilment/simulated/ship-nodes.ts';
import type { SourcingRules } from '../../../orders/sourcing/rules.ts';

export interface Outside {
  readonly carriers: ReadonlyMap<string, Carrier>;
  readonly nodes: ShipNodes;
  readonly notify: Notify;
  readonly refund: Refund;
  close(): Promise<void>;
}

export interface OutsideOptions {
  readonly seed: number;
  /** A carrier for each. */
  readonly profiles: readonly CarrierProfile[];
  readonly clock: BusinessClock;
}

/** What is not real, for whoever starts it: at the time itself ship nodes take hours. */
export function simulatedText(of: {
  readonly simulate: number;
  readonly speed: number;
  readonly hasCarriers: boolean;
}): string {
  const who = of.hasCarriers ? 'ship nodes' : 'carriers and ship nodes';
  const pace = of.speed === 1 ? ': steps take hours, as in life; --speed 1000 has them take seconds' : '';
  return `${who} are simulated (seed ${of.simulate}, ${of.speed} × the time)${pace}`;
}

/** Which carriers this process asks, and which of the rules it leaves to others. */
export function servedText(known: ReadonlyMap<string, Carrier>, { services }: Pick<SourcingRules, 'services'>): string {
  const others = [...new Set(services.map(({ carrier }) => carrier))].filter((carrier) => !known.has(carrier));
  const rest =
    others.length === 0
      ? ''
      : `; not ${others.join(', ')}, which the rules name: their tasks are left to other processes`;
  return `carriers served here: ${[...known.keys()].join(', ') || 'none'}${rest}`;
}

export function simulatedOutside({ seed, profiles, clock }: OutsideOptions): Outside {
  const carriers = profiles.map((profile) =>
    createSimulatedCarrier({ profile, seed, clock: wallClock({ speed: clock.speed, epoch: clock.now() }) }),
  );
  return {
    carriers: new Map(carriers.map((carrier) => [carrier.carrier, carrier])),
    nodes: simulatedShipNodes({ seed, clock }),
    notify: async () => undefined,
    refund: async (_orderId, _amountMinor, key) => `refund-${key.slice(-32)}`,
    close: async () => {
      await Promise.all(carriers.map((carrier) => carrier.close()));
    },
  };
}
