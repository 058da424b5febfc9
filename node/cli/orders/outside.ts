// The world outside that `holdfast orders` can have without anybody else: simulated carriers and ship nodes, and customers who are told
// on the standard output. Simulated from a seed, so that processes that die and come back meet the same.
import type { Carrier } from '../../../orders/carriers/port.ts';
import { createSimulatedCarrier } from '../../../orders/carriers/simulated/carrier.ts';
import { wallClock } from '../../../orders/carriers/simulated/clock.ts';
import type { CarrierProfile } from '../../../orders/carriers/simulated/profile.ts';
import type { BusinessClock, Notify, Refund, ShipNodes } from '../../../orders/fulfilment/ports.ts';
import { simulatedShipNodes } from '../../../orders/fulfilment/simulated/ship-nodes.ts';

export interface Outside {
  readonly carriers: ReadonlyMap<string, Carrier>;
  readonly nodes: ShipNodes;
  readonly notify: Notify;
  readonly refund: Refund;
  close(): Promise<void>;
}

export interface OutsideOptions {
  readonly seed: number;
  readonly profile: CarrierProfile;
  readonly clock: BusinessClock;
}

export function simulatedOutside({ seed, profile, clock }: OutsideOptions): Outside {
  const carrier = createSimulatedCarrier({
    profile,
    seed,
    clock: wallClock({ speed: clock.speed, epoch: clock.now() }),
  });
  return {
    carriers: new Map([[profile.carrier, carrier]]),
    nodes: simulatedShipNodes({ seed, clock }),
    notify: async () => undefined,
    refund: async (_orderId, _amountMinor, key) => `refund-${key.slice(-32)}`,
    close: () => carrier.close(),
  };
}
