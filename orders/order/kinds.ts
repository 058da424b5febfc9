// The words of an order: the states of packages and orders, the codes of scans, and the kinds of tasks, exceptions and actions.

/** Of a package: a fulfillmentOrder, what one ship node sends by one carrier service. */
export type PackageState =
  | 'RESERVED'
  | 'RELEASED'
  | 'PICKED'
  | 'SHORT_PICKED'
  | 'PACKED'
  | 'BOOKED'
  | 'SHIPPED'
  | 'DELIVERED'
  | 'REJECTED'
  | 'LOST'
  | 'DAMAGED'
  | 'INTERCEPTED'
  | 'CANCELLED';

/** Of the order, derived from its lines and packages; see state.ts. UNCAPTURED: only reservations are known of it. */
export type OrderStatus =
  | 'UNCAPTURED'
  | 'CAPTURED'
  | 'SOURCED'
  | 'BACKORDERED'
  | 'PARTIAL'
  | Exclude<PackageState, 'REJECTED' | 'LOST' | 'DAMAGED' | 'INTERCEPTED'>
  | 'REFUNDED';

export const TASK_KINDS = [
  'source',
  'release',
  'pick',
  'pack',
  'book',
  'track',
  'notify',
  'replan',
  'settle',
  'stock',
  'refund',
  'reservation',
  'dead',
] as const;
/**
 * settle: a policy decides on an exception. replan: the risk of being late is looked at again. stock: the grid is told what became
 * of allocated units (see StockPayload). dead: a task that failed for good, kept to be seen and replayed. reservation: for the grid itself, which takes up what was left of
 * reserving, committing or giving back.
 */
export type TaskKind = (typeof TASK_KINDS)[number];

export const EXCEPTION_KINDS = [
  'shortPick',
  'rejection',
  'damaged',
  'addressProblem',
  'lostParcel',
  'stuckParcel',
  'carrierOutage',
  'lateRisk',
  'paymentFailure',
  'cancelRequest',
  'backorder',
] as const;
export type ExceptionKind = (typeof EXCEPTION_KINDS)[number];

export const ACTIONS = [
  'wait',
  'repromise',
  'reroute',
  'upgrade',
  'split',
  'resource',
  'substitute',
  'intercept',
  'reship',
  'cancel',
  'refund',
  'escalate',
] as const;
export type Action = (typeof ACTIONS)[number];

export const SCAN_CODES = [
  'info',
  'pickedUp',
  'inTransit',
  'outForDelivery',
  'delivered',
  'lost',
  'damaged',
  'returned',
  'cancelled',
] as const;
export type ScanCode = (typeof SCAN_CODES)[number];
