// A parcel that the online model follows from its hand-over until it is delivered or given up.
import type { Codes } from './location.ts';
import type { Shape } from './residuals.ts';
import type { Scanned } from './scans.ts';

/** Days are counted from the model's epoch. */
export interface Followed {
  readonly shipmentId: string;
  readonly codes: Codes;
  readonly handedOver: number;
  /** One that goes nowhere in particular stands for many, and tells nothing of disruptions. */
  readonly hasPlace: boolean;
  readonly mean: number;
  readonly scale: number;
  readonly spread: number;
  /** What the answer added to the mean because of a disruption. */
  readonly shift: number;
  readonly shape: Shape;
  /** Days after hand-over at each share of GRID, if nothing is disturbed. */
  readonly usual: readonly number[];
  /** What was answered, days after hand-over. */
  readonly answered: readonly number[];
  step: number;
  due: number;
  readonly scanned: Scanned;
  /** When it was looked at last it had been delivered. */
  arrived: boolean;
  /** Undefined while it is on its way. */
  delivered?: number;
  gone?: boolean;
}
