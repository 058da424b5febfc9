// What processors know of the world that parcels go through, beside their ports.
import type { ShipNode, SourcingRules } from '../../sourcing/rules.ts';

export interface CarrierOptions {
  readonly nodes: ReadonlyMap<string, ShipNode>;
  /** As of now. */
  readonly rules: Pick<SourcingRules, 'services' | 'nodes'>;
}
