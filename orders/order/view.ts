// What an order shows of itself: everything processors, policies and people decide by, as plain data.
import type { Json, OrderDestination } from '../../protocol/index.ts';
import { type LineView, lineViews, statusOf } from './state.ts';
import type { OrderException, OrderPackage, OrderState, OrderStatus, Plan } from './types.ts';

/** `detail` of getOrder. Fields without a value are left out. */
export interface OrderDetail {
  readonly status: OrderStatus;
  /** Of its capture, or of what was heard of it before that: the trace of all that follows. */
  readonly traceId?: string;
  readonly capturedAt?: number;
  /** What the customer was told last. */
  readonly promisedAt?: number;
  readonly destination?: OrderDestination;
  /** Since when units lack stock; undefined: none do. */
  readonly waitingSince?: number;
  readonly lines: readonly LineView[];
  readonly packages: readonly OrderPackage[];
  readonly exceptions: readonly OrderException[];
  readonly holds: Readonly<Record<string, string>>;
  readonly plan?: Plan;
  readonly refundedMinor: number;
}

export function detailOf(state: OrderState): OrderDetail {
  const { capturedAt, promisedAt, destination, plan, traceId, waitingSince } = state;
  return {
    status: statusOf(state),
    ...(traceId === undefined ? {} : { traceId }),
    ...(capturedAt === undefined ? {} : { capturedAt }),
    ...(promisedAt === undefined ? {} : { promisedAt }),
    ...(destination === undefined ? {} : { destination }),
    ...(waitingSince === undefined ? {} : { waitingSince }),
    lines: lineViews(state),
    packages: [...state.packages.values()],
    exceptions: [...state.exceptions.values()],
    holds: Object.fromEntries(state.holds),
    ...(plan === undefined ? {} : { plan }),
    refundedMinor: state.refundedMinor,
  };
}

/** A copy of it as JSON has it: fields without a value are gone. */
export function detailJson(state: OrderState): Json {
  return JSON.parse(JSON.stringify(detailOf(state))) as Json;
}
